// The board: jobs by where they stand, the least time left first.
import { effect, signal } from '../vendor/signals-core/signals-core.js';
import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { repeat } from '../vendor/lit-html/directives/repeat.js';
import { clock, span, t, word } from '../lib/i18n.js';
import { go, href } from '../lib/router.js';
import {
  LANES,
  SILENT_MS,
  SOON_MS,
  alsoFound,
  branches,
  dueAt,
  filter,
  isLate,
  isOver,
  lanes,
  lastHeard,
  marked,
  me,
  now,
  personName,
  promised,
  selected,
  technicians,
  waitsForArrival,
} from '../lib/store.js';
import { Refused, Unanswered, call } from '../lib/http.js';
import { badge, button, dialogs, icon } from '../lib/ui.js';

/** @typedef {import('../types.js').JobListed} JobListed */

const isFolded = signal(false);

/** What is left of the promise, in words and with a sign. @param {JobListed} job */
export function promiseClock(job) {
  const due = promised(job);
  if (isOver(job.state)) return html`<span class="clock muted">${clock(job.updated_at, job.branch)}</span>`;
  if (!waitsForArrival(job.state))
    return html`<span class="clock muted"
      >${due ? t().board.promised(clock(due, job.branch)) : clock(job.updated_at, job.branch)}</span
    >`;
  if (!due && dueAt(job) < now.value)
    return html`<span class="clock attention"
      >${icon('soon')}${t().board.waits(span(now.value - job.created_at))}</span
    >`;
  if (!due) return html`<span class="clock muted">${t().board.waits(span(now.value - job.created_at))}</span>`;
  const left = due - now.value;
  if (left < 0)
    return html`<span class="clock alarm">${icon('late')}${t().board.late(span(Math.max(60_000, -left)))}</span>`;
  if (left < SOON_MS) return html`<span class="clock attention">${icon('soon')}${t().board.left(span(left))}</span>`;
  return html`<span class="clock">${t().board.left(span(left))}</span>`;
}

/** Who has the job, and when they were last heard. @param {JobListed} job */
export function holder(job) {
  if (job.provider) return html`<span class="who-name">${job.provider}</span>`;
  if (!job.technician) return html`<span class="who-name muted">${t().board.nobody}</span>`;
  const heard = lastHeard.value.get(job.technician);
  const silent = heard === undefined ? null : now.value - heard;
  const about = silent === null ? t().board.neverHeard : t().board.heard(span(silent));
  const isSilent = silent === null || silent > SILENT_MS;
  return html`<span class="who-name">${personName(job.technician) || t().board.unknownPerson}</span> ${isOver(job.state)
      ? nothing
      : html`<span class="heard ${isSilent ? 'silent' : ''}">${isSilent ? icon('silent') : nothing}${about}</span>`}`;
}

/** @param {JobListed} job */
export const placeText = (job) =>
  job.address ?? (job.place ? `${job.place.lat.toFixed(5)}, ${job.place.lon.toFixed(5)}` : t().board.noPlace);

/** @param {JobListed} job */
function card(job) {
  const isMarked = marked.value.has(job.id);
  const isSelected = selected.value === job.id;
  return html`<li
    class="card ${isSelected ? 'is-selected' : ''} ${isMarked ? 'is-marked' : ''} ${isLate(job, now.value)
      ? 'is-late'
      : ''}"
  >
    <input
      type="checkbox"
      class="mark"
      .checked=${isMarked}
      @change=${() => toggle(job.id)}
      aria-label=${t().board.mark(job.number ?? '')}
      tabindex="-1"
    />
    <a
      href=${href('job', job.id)}
      data-job=${job.id}
      @focus=${() => {
        selected.value = job.id;
      }}
      tabindex=${isSelected || !selected.value ? 0 : -1}
    >
      <span class="line top"
        ><span class="number">${job.number ?? t().board.noNumber}</span>${job.plate
          ? html`<span class="plate">${unbroken(job.plate)}</span>`
          : nothing}${promiseClock(job)}</span
      >
      <span class="line what"
        ><span class="problem">${word(t().problemWords, job.problem) || '–'}</span>${job.priority === 'urgent'
          ? badge(t().priorities.urgent, 'alarm', 'urgent')
          : job.priority === 'high'
            ? badge(t().priorities.high, '', 'urgent')
            : nothing}${showsState(job) ? html`<span class="state">${t().states[job.state]}</span>` : nothing}</span
      >
      <span class="line place">${placeText(job)}</span>
      <span class="line who-line"
        >${holder(job)}${job.exceptions.length
          ? badge(t().board.decide(job.exceptions.length), 'attention', 'decide')
          : nothing}</span
      >
    </a>
  </li>`;
}

/** In a lane of two states the card says which. @param {JobListed} job */
const showsState = (job) => !['received', 'en_route', 'on_scene', 'completed'].includes(job.state);

/** A plate does not break at its hyphen. @param {string} plate */
export const unbroken = (plate) => plate.replace(/-/g, '\u2011');

/** @param {string} id */
function toggle(id) {
  const next = new Set(marked.value);
  if (!next.delete(id)) next.add(id);
  marked.value = next;
}

/** Jobs that are over and are drawn: the newest. */
const MOST_DONE = 200;

/** @param {typeof LANES[number]} lane */
function laneView(lane) {
  const list = lanes.value[lane.name];
  const drawn = lane.name === 'done' ? list.slice(0, MOST_DONE) : list;
  const late = list.filter((job) => isLate(job, now.value)).length;
  const name = t().lanes[lane.name];
  return html`<section class="lane ${lane.name}" aria-label=${name}>
    <h2>
      ${name}<span class="count">${list.length}</span>${late
        ? html`<button type="button" class="late-count" aria-keyshortcuts="L" @click=${() => toLate(list)}>
            ${icon('late')}${t().board.lateCount(late)}
          </button>`
        : nothing}
    </h2>
    <ol class="cards" tabindex="-1">
      ${repeat(drawn, (job) => job.id, card)}${list.length
        ? list.length > drawn.length
          ? html`<li class="none">${t().board.more(list.length - drawn.length)}</li>`
          : nothing
        : html`<li class="none">${t().board.laneEmpty}</li>`}
    </ol>
  </section>`;
}

/** Goes to the next late card of these, from the selected one on. @param {JobListed[]} list */
function toLate(list) {
  const late = list.filter((job) => isLate(job, now.value));
  const next = late[late.findIndex((job) => job.id === selected.value) + 1] ?? late[0];
  if (!next) return;
  selected.value = next.id;
  focusCard(next.id);
}

let timer = 0;
/** @param {Partial<typeof filter.value>} change */
const narrow = (change) => {
  filter.value = { ...filter.value, ...change };
  if (change.text === undefined) return;
  clearTimeout(timer);
  // The server refuses shorter texts, and the cards answer those.
  if (change.text.trim().length > 2) timer = setTimeout(lookUp, 300);
};

/** Asks the server for what no card says, such as phone numbers. */
async function lookUp() {
  const { text } = filter.value;
  try {
    const { data } = await call('get', '/v1/jobs', { query: /** @type {any} */ ({ text: text.trim(), limit: 200 }) });
    if (filter.value.text === text) alsoFound.value = { text, ids: new Set(data.items.map((job) => job.id)) };
  } catch (error) {
    // Without an answer the cards alone are searched.
    if (!(error instanceof Refused || error instanceof Unanswered)) throw error;
  }
}
/** @param {Event} event */
const valueOf = (event) => /** @type {HTMLInputElement} */ (event.target).value;

function filters() {
  const { branch, technician, state, text } = filter.value;
  const people = [...technicians.value.values()]
    .filter((one) => one.active)
    .sort((a, b) => a.name.localeCompare(b.name));
  const isNarrowed = Boolean(branch || technician || state || text);
  return html`<form
    class="filters"
    role="search"
    aria-label=${t().board.filter}
    @submit=${(/** @type {Event} */ event) => event.preventDefault()}
  >
    <input
      type="search"
      id="board-text"
      aria-label=${t().board.filter}
      placeholder=${t().board.filterHint}
      .value=${text}
      @input=${(/** @type {Event} */ event) => narrow({ text: valueOf(event) })}
    />
    ${branches.value.size > 1 && !me.value?.branch
      ? html`<select
          aria-label=${t().branch}
          @change=${(/** @type {Event} */ event) => narrow({ branch: valueOf(event) })}
        >
          <option value="" .selected=${!branch}>${t().board.allBranches}</option>
          ${[...branches.value.values()].map(
            (one) => html`<option value=${one.id} .selected=${one.id === branch}>${one.name}</option>`,
          )}
        </select>`
      : nothing}
    <select
      aria-label=${t().technician}
      @change=${(/** @type {Event} */ event) => narrow({ technician: valueOf(event) })}
    >
      <option value="" .selected=${!technician}>${t().board.allTechnicians}</option>
      <option value="none" .selected=${technician === 'none'}>${t().board.nobody}</option>
      ${people.map((one) => html`<option value=${one.id} .selected=${one.id === technician}>${one.name}</option>`)}
    </select>
    <select aria-label=${t().board.state} @change=${(/** @type {Event} */ event) => narrow({ state: valueOf(event) })}>
      <option value="" .selected=${!state}>${t().board.allStates}</option>
      ${LANES.map(
        (lane) => html`<option value=${lane.name} .selected=${state === lane.name}>${t().lanes[lane.name]}</option>`,
      )}
    </select>
    ${isNarrowed
      ? button({
          label: t().board.showAll,
          kind: 'quiet',
          run: () => narrow({ branch: '', technician: '', state: '', text: '' }),
        })
      : nothing}
  </form>`;
}

function bulkBar() {
  const count = marked.value.size;
  if (!count) return nothing;
  return html`<div class="bulk" role="group" aria-label=${t().bulk.title(count)}>
    <b>${t().bulk.title(count)}</b> ${button({ label: t().job.assign, key: 'KeyA', run: assign })}
    ${button({ label: t().job.recall, key: 'KeyR', run: () => bulk('recall') })}
    ${button({ label: t().bulk.priority, run: () => bulk('priority') })}
    ${button({ label: t().job.cancel, run: () => bulk('cancel') })}
    ${button({ label: t().bulk.clear, key: 'Escape', kind: 'quiet', run: clear })}
  </div>`;
}

/** @param {'recall' | 'cancel' | 'priority'} what */
async function bulk(what) {
  const { openBulk } = await import('./bulk.js');
  openBulk(what, [...marked.value]);
}

const clear = () => {
  marked.value = new Set();
};

/**
 * Cards that are being given away, and those the cursor goes to then: it stays in their lane.
 * @type {{ name: import('../lib/store.js').Lane, ids: string[], order: string[] } | undefined}
 */
let leaving;

async function assign() {
  const ids = marked.value.size ? [...marked.value] : selected.value ? [selected.value] : [];
  if (!ids.length) return;
  leaving = LANES.flatMap(({ name }) => {
    const list = lanes.value[name];
    const from = list.findIndex((job) => job.id === ids[0]);
    if (from < 0) return [];
    return [{ name, ids, order: [...list.slice(from), ...list.slice(0, from).reverse()].map((job) => job.id) }];
  })[0];
  const { openCandidates } = await import('./candidates.js');
  openCandidates(ids);
}

export const view = () =>
  html`<h1 class="unseen">${t().nav.board}</h1>
    <div class="board-top">
      ${filters()}${marked.value.size
        ? nothing
        : button({ label: t().nav.proposal, key: 'KeyB', kind: 'quiet', run: () => go('proposal') })}${bulkBar()}
    </div>
    <div class="lanes ${isFolded.value ? 'is-folded' : ''}">${LANES.map(laneView)}</div>`;

/** @param {string} id */
function focusCard(id) {
  const link = document.querySelector(`[data-job="${CSS.escape(id)}"]`);
  if (!(link instanceof HTMLElement)) return;
  link.focus({ preventScroll: true });
  link.scrollIntoView({ block: 'nearest', inline: 'nearest' });
}

/** Moves the selection within its lane or to another. @param {number} down @param {number} right */
function move(down, right) {
  const columns = LANES.map(({ name }) => (name === 'done' ? lanes.value.done.slice(0, MOST_DONE) : lanes.value[name]));
  const at = columns.findIndex((list) => list.some((job) => job.id === selected.value));
  let next;
  if (at < 0) next = columns.find((list) => list.length)?.[0];
  else if (right) {
    const row = columns[at]?.findIndex((job) => job.id === selected.value) ?? 0;
    for (let column = at + right; column >= 0 && column < columns.length && !next; column += right)
      next = columns[column]?.[Math.min(row, (columns[column]?.length ?? 0) - 1)];
  } else {
    const list = columns[at] ?? [];
    next = list[list.findIndex((job) => job.id === selected.value) + down];
  }
  if (next) {
    selected.value = next.id;
    focusCard(next.id);
  }
}

/** @returns {import('../lib/keys.js').Key[]} */
export const keys = () => [
  { code: 'ArrowDown', label: t().keys.down, run: () => move(1, 0) },
  { code: 'ArrowUp', label: t().keys.up, run: () => move(-1, 0) },
  { code: 'ArrowRight', label: t().keys.right, run: () => move(0, 1) },
  { code: 'ArrowLeft', label: t().keys.left, run: () => move(0, -1) },
  { code: 'KeyJ', label: t().keys.down, run: () => move(1, 0), hidden: true },
  { code: 'KeyK', label: t().keys.up, run: () => move(-1, 0), hidden: true },
  {
    code: 'Enter',
    label: t().keys.open,
    run: () => {
      if (selected.value) go('job', selected.value);
    },
  },
  { code: 'KeyA', label: t().job.assign, run: assign },
  { code: 'KeyB', label: t().nav.proposal, run: () => go('proposal') },
  {
    code: 'KeyX',
    label: t().keys.mark,
    run: () => {
      if (selected.value) toggle(selected.value);
    },
  },
  {
    code: 'KeyR',
    label: t().keys.recallMarked,
    run: () => {
      if (marked.value.size) bulk('recall');
    },
  },
  {
    code: 'KeyL',
    label: t().keys.late,
    run: () => toLate(LANES.flatMap(({ name }) => lanes.value[name])),
  },
  { code: 'KeyF', label: t().board.filter, run: () => document.getElementById('board-text')?.focus() },
  {
    code: 'Escape',
    label: t().bulk.clear,
    inFields: true,
    run: () => {
      if (document.activeElement?.id !== 'board-text') clear();
      else {
        narrow({ text: '' });
        document.getElementById('board-text')?.blur();
      }
      if (selected.value) focusCard(selected.value);
    },
  },
];

/** Comes back to the card that was selected, unless someone went elsewhere meanwhile. */
export function open() {
  requestAnimationFrame(() => {
    const isElsewhere = document.activeElement?.id === 'board-text';
    if (selected.value && !isElsewhere) focusCard(selected.value);
  });
}

// Who gives away one job goes on with the next.
effect(() => {
  const list = lanes.value;
  const mine = leaving;
  if (!mine || mine.ids.some((id) => list[mine.name].some((job) => job.id === id))) return;
  leaving = undefined;
  if (!mine.ids.includes(selected.peek() ?? '')) return;
  const next = mine.order.find((id) => list[mine.name].some((job) => job.id === id));
  if (next) selected.value = next;
});

// A card that goes to another lane is another element: the focus goes with it.
effect(() => {
  const id = selected.value;
  lanes.value;
  if (!id || dialogs.value.length) return;
  const look = () => {
    if (document.activeElement === document.body && document.querySelector('.lanes')) focusCard(id);
  };
  // After the dialog has gone and the card has moved.
  requestAnimationFrame(() => requestAnimationFrame(look));
});
