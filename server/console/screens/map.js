// The map: jobs, and where technicians were last, over outlines that need no internet. It moves by hand alone.
import { effect, signal } from '../vendor/signals-core/signals-core.js';
import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { ref } from '../vendor/lit-html/directives/ref.js';
import { repeat } from '../vendor/lit-html/directives/repeat.js';
import { span, t, word } from '../lib/i18n.js';
import { circle, doubt, loadMap } from '../lib/map.js';
import { go } from '../lib/router.js';
import {
  SILENT_MS,
  isLate,
  isOver,
  jobs,
  now,
  personName,
  points,
  selected,
  shown,
  technicians,
} from '../lib/store.js';
import { button, icon } from '../lib/ui.js';
import { placeText } from './board.js';

/** @typedef {import('../types.js').JobListed} JobListed */
/** @typedef {import('../lib/map.js').LibreMap} LibreMap */

/** Where the map begins when nothing is known: Taiwan. */
const START = { center: [121, 23.7], zoom: 6.4 };
/** Signs that are drawn at most; the most pressing jobs first. */
const MOST = 500;

const map = signal(/** @type {LibreMap | null} */ (null));
/** Rises with each movement of the map: the signs go with it. */
const moves = signal(0);
const failed = signal(/** @type {unknown} */ (null));
let isOpen = false;
/** @type {HTMLElement | null} */
let holder = null;

/** @typedef {JobListed & { place: import('../types.js').Place }} Placed */
/** Jobs that go on and have a pin. @returns {Placed[]} */
const placed = () =>
  shown.value
    .filter((job) => !isOver(job.state) && job.place)
    .slice(0, MOST)
    .map((job) => /** @type {Placed} */ (job));

/** Technicians with their last position, however old it is. */
const people = () => [...points.value].filter(([id]) => technicians.value.get(id)?.active).slice(0, MOST);

async function begin() {
  if (!holder || map.value) return;
  failed.value = null;
  try {
    const made = await loadMap(holder, map0());
    if (!isOpen || !holder?.isConnected) {
      made.remove();
      return;
    }
    made.on('move', () => {
      moves.value += 1;
    });
    made.on('load', rings);
    map.value = made;
  } catch (error) {
    console.warn(error);
    failed.value = error;
  }
}

/** What the map shows at first: the view someone left it with, else everything there is. */
function map0() {
  if (view0) return view0;
  const all = [...placed().map((job) => job.place), ...people().map(([, point]) => point.place)];
  if (!all.length) return START;
  const lon = all.map((place) => place.lon);
  const lat = all.map((place) => place.lat);
  return {
    bounds: [
      [Math.min(...lon), Math.min(...lat)],
      [Math.max(...lon), Math.max(...lat)],
    ],
    fitBoundsOptions: { padding: 80, maxZoom: 12 },
  };
}
/** @type {{ center: [number, number], zoom: number } | null} */
let view0 = null;

/** Draws how far each technician may be from where they were last. */
function rings() {
  const made = map.value;
  if (!made?.isStyleLoaded()) return;
  const features = people().map(([, point]) => circle(point.place, doubt(point, now.value)));
  made.getSource('rings')?.setData({ type: 'FeatureCollection', features });
}

/** Where a place stands on the screen; null where it is far outside. @param {LibreMap} made @param {{ lat: number, lon: number }} place */
function at(made, place) {
  const { x, y } = made.project([place.lon, place.lat]);
  const { clientWidth, clientHeight } = made.getContainer();
  return x < -40 || y < -40 || x > clientWidth + 40 || y > clientHeight + 40 ? null : { x, y };
}
/** @param {{ x: number, y: number }} spot */
const stands = (spot) => `transform:translate(${spot.x.toFixed(1)}px,${spot.y.toFixed(1)}px)`;

/** @param {LibreMap} made @param {Placed} job @param {string} tab */
function jobSign(made, job, tab) {
  const spot = at(made, job.place);
  if (!spot) return nothing;
  const about = `${job.number ?? t().board.noNumber}, ${t().states[job.state]}, ${word(t().problemWords, job.problem)}, ${placeText(job)}`;
  const isSelected = selected.value === job.id;
  return html`<button
    type="button"
    class="sign job ${isSelected ? 'is-selected' : ''} ${isLate(job, now.value) ? 'is-late' : ''} ${job.technician
      ? 'is-given'
      : ''}"
    data-job=${job.id}
    aria-current=${isSelected ? 'true' : nothing}
    title=${about}
    tabindex=${tab === job.id ? 0 : -1}
    .style=${stands(spot)}
    @focus=${() => {
      selected.value = job.id;
    }}
    @click=${(/** @type {MouseEvent} */ event) => {
      selected.value = job.id;
      if (event.detail === 0) go('job', job.id);
    }}
    @dblclick=${() => go('job', job.id)}
  >
    ${isLate(job, now.value) ? icon('late') : nothing}<span>${job.number?.replace(/^\d{6}-/, '') ?? '–'}</span
    ><span class="unseen">${about}</span>
  </button>`;
}

/** @param {LibreMap} made @param {string} id @param {import('../lib/store.js').Point} point */
function personSign(made, id, point) {
  const spot = at(made, point.place);
  if (!spot) return nothing;
  const age = Math.max(0, now.value - point.at);
  const isSilent = age > SILENT_MS;
  return html`<span class="sign person ${isSilent ? 'is-silent' : ''}" .style=${stands(spot)}
    ><span class="dot" aria-hidden="true"></span
    ><span class="label">${personName(id) || t().board.unknownPerson}<small>${span(age)}</small></span></span
  >`;
}

/** @param {Element | undefined} element */
const hold = (element) => {
  if (element instanceof HTMLElement && element !== holder) {
    holder = element;
    begin();
  }
};

export function view() {
  const made = map.value;
  moves.value;
  const list = placed();
  const tab = list.some((job) => job.id === selected.value) ? selected.value : (list[0]?.id ?? '');
  const chosen = selected.value ? jobs.value.get(selected.value) : undefined;
  const without = shown.value.filter((job) => !isOver(job.state) && !job.place).length;
  return html`<h1 class="unseen">${t().nav.map}</h1>
    <div class="map-top">
      ${button({ label: t().map.all, key: 'Home', disabled: !made, run: everything })}
      ${button({ label: t().map.in, key: 'Equal', disabled: !made, run: () => made?.zoomIn() })}
      ${button({ label: t().map.out, key: 'Minus', disabled: !made, run: () => made?.zoomOut() })}
      <span class="muted">${t().map.count(list.length, people().length)}</span>
      ${without ? html`<span class="muted">${t().map.without(without)}</span>` : nothing}
      <span class="grow"></span>
      ${chosen
        ? html`<span
            >${chosen.number} · ${t().states[chosen.state]} ·
            ${word(t().problemWords, chosen.problem)}${chosen.place ? nothing : html` · ${t().board.noPlace}`}</span
          >`
        : nothing}
      ${button({ label: t().ownWindow, kind: 'quiet', run: () => window.open(location.href, '_blank', 'noopener') })}
    </div>
    ${failed.value
      ? html`<div class="refusal" role="alert">
          ${icon('no')}
          <p>${t().map.failed}</p>
          ${button({ label: t().candidates.again, run: begin })}
        </div>`
      : nothing}
    <div class="map-frame">
      <div class="map-canvas" aria-hidden="true" ${ref(hold)}></div>
      <div class="signs" role="group" aria-label=${t().map.jobs}>
        ${made
          ? html`${repeat(
              people(),
              ([id]) => id,
              ([id, point]) => personSign(made, id, point),
            )}${repeat(
              list,
              (job) => job.id,
              (job) => jobSign(made, job, tab ?? ''),
            )}`
          : nothing}
      </div>
      <p class="map-credit">Natural Earth · MapLibre</p>
      ${made && !list.length && !people().length ? html`<p class="empty over">${t().map.empty}</p>` : nothing}
    </div>`;
}

/** Shows everything there is; asked for, never by itself. */
function everything() {
  view0 = null;
  const wanted = map0();
  if ('bounds' in wanted) map.value?.fitBounds(wanted.bounds, { ...wanted.fitBoundsOptions, animate: false });
  else map.value?.jumpTo(wanted);
}

/** Selects the job that is next in a direction on the screen. @param {number} right @param {number} down */
function step(right, down) {
  const made = map.value;
  if (!made) return;
  const spots = placed().map((job) => ({ id: job.id, ...made.project([job.place.lon, job.place.lat]) }));
  const here = spots.find((spot) => spot.id === selected.value);
  const ahead = here
    ? spots
        .map((spot) => ({ spot, along: (spot.x - here.x) * right + (spot.y - here.y) * down }))
        .filter(({ spot, along }) => spot !== here && along > 0.5)
        .map(({ spot, along }) => ({ spot, far: Math.hypot(spot.x - here.x, spot.y - here.y) ** 2 / along }))
        .sort((a, b) => a.far - b.far)[0]?.spot
    : spots[0];
  if (!ahead) return;
  selected.value = ahead.id;
  requestAnimationFrame(() => {
    const sign = document.querySelector(`.sign[data-job="${CSS.escape(ahead.id)}"]`);
    if (sign instanceof HTMLElement) sign.focus({ preventScroll: true });
  });
}
/** @param {number} x @param {number} y */
const pan = (x, y) => map.value?.panBy([x, y], { animate: false });

async function assign() {
  if (!selected.value) return;
  const { openCandidates } = await import('./candidates.js');
  openCandidates([selected.value]);
}

/** @returns {import('../lib/keys.js').Key[]} */
export const keys = () => [
  { code: 'ArrowRight', label: t().map.next, run: () => step(1, 0) },
  { code: 'ArrowLeft', label: t().map.next, run: () => step(-1, 0), hidden: true },
  { code: 'ArrowDown', label: t().map.next, run: () => step(0, 1), hidden: true },
  { code: 'ArrowUp', label: t().map.next, run: () => step(0, -1), hidden: true },
  { code: 'Shift+ArrowRight', label: t().map.pan, run: () => pan(120, 0) },
  { code: 'Shift+ArrowLeft', label: t().map.pan, run: () => pan(-120, 0), hidden: true },
  { code: 'Shift+ArrowDown', label: t().map.pan, run: () => pan(0, 120), hidden: true },
  { code: 'Shift+ArrowUp', label: t().map.pan, run: () => pan(0, -120), hidden: true },
  { code: 'Equal', label: t().map.in, run: () => map.value?.zoomIn({ animate: false }) },
  { code: 'Shift+Equal', label: t().map.in, run: () => map.value?.zoomIn({ animate: false }), hidden: true },
  { code: 'Minus', label: t().map.out, run: () => map.value?.zoomOut({ animate: false }) },
  { code: 'Home', label: t().map.all, run: everything },
  {
    code: 'Enter',
    label: t().keys.open,
    run: () => {
      if (selected.value) go('job', selected.value);
    },
  },
  { code: 'KeyA', label: t().job.assign, run: assign },
  { code: 'Escape', label: t().nav.board, run: () => go('board') },
];

export function open() {
  isOpen = true;
}

export function leave() {
  isOpen = false;
  const made = map.value;
  if (made) {
    const { lng, lat } = made.getCenter();
    view0 = { center: [lng, lat], zoom: made.getZoom() };
    made.remove();
  }
  map.value = null;
  holder = null;
}

let drawn = 0;
/** @type {unknown} */
let drawnPoints;
effect(() => {
  // The rings grow while nothing is heard: every ten seconds, and whenever someone is heard.
  const tenth = Math.floor(now.value / 10_000);
  const heard = points.value;
  if (!map.value || (tenth === drawn && heard === drawnPoints)) return;
  drawn = tenth;
  drawnPoints = heard;
  queueMicrotask(rings);
});
