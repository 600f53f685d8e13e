// The timeline: a day of every technician, with shifts, absences, and jobs as planned and as they were.
import { effect, signal } from '../vendor/signals-core/signals-core.js';
import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { ref } from '../vendor/lit-html/directives/ref.js';
import { repeat } from '../vendor/lit-html/directives/repeat.js';
import { Refused, Unanswered, call } from '../lib/http.js';
import { t, timeIn, word } from '../lib/i18n.js';
import { go } from '../lib/router.js';
import {
  SILENT_MS,
  branches,
  filter,
  isOver,
  jobs,
  lastHeard,
  me,
  now,
  selected,
  waitsForArrival,
} from '../lib/store.js';
import { button, empty, loading, refusal, unanswered } from '../lib/ui.js';
import { openMove } from './move.js';

/** @typedef {import('../types.js').Timeline} Timeline */
/** @typedef {import('../types.js').TimelineJob} TimelineJob */
/** @typedef {{ job: TimelineJob, from: number, until: number, lane: number }} Bar */
/** @typedef {{ id: string, name: string, shifts: Timeline['technicians'][number]['shifts'], bars: Bar[], lanes: number }} Row */

const EVERY_MS = 30_000;
/** After a change on the board it is read again, once for all that change meanwhile. */
const SOON_MS = 5_000;
/** A bar is at least so long: what cannot be seen cannot be chosen. */
const LEAST_MS = 45 * 60_000;
const HOUR = 3_600_000;

const day = signal('');
const read = signal(/** @type {Timeline | null} */ (null));
const problem = signal(/** @type {import('../types.js').Problem | null} */ (null));
const isAll = signal(false);
let timer = 0;
let soon = 0;
let asked = 0;

async function load() {
  clearTimeout(timer);
  const mine = (asked += 1);
  try {
    const query = { day: day.value || undefined, branch: filter.value.branch || undefined };
    const { data } = await call('get', '/v1/timeline', { query });
    if (mine !== asked) return;
    read.value = data;
    problem.value = null;
    // A bar that goes to another row is another element: the focus goes with it, and the page stays where it is.
    const id = selected.value;
    if (id && document.activeElement === document.body)
      requestAnimationFrame(() => {
        const bar = document.querySelector(`.bar-job[data-job="${CSS.escape(id)}"]`);
        if (bar instanceof HTMLElement && document.activeElement === document.body) bar.focus({ preventScroll: true });
      });
  } catch (error) {
    if (!(error instanceof Refused || error instanceof Unanswered)) throw error;
    if (mine !== asked) return;
    // What was read stays while there is no connection: the head of the page says that it is cut.
    if (error instanceof Refused || !read.value)
      problem.value = error instanceof Refused ? error.problem : unanswered();
  }
  if (mine === asked) timer = window.setTimeout(load, EVERY_MS);
}

/** A job as the board knows it, where that is newer. @param {TimelineJob} job @returns {TimelineJob} */
function fresh(job) {
  const known = jobs.value.get(job.job);
  if (!known || known.version <= job.version) return job;
  return { ...job, state: known.state, technician: known.technician ?? null, estimated_at: known.eta ?? null };
}

/** From when until when a job is drawn. @param {TimelineJob} job @returns {[number, number]} */
function extent(job) {
  const from = Math.min(job.set_off_at ?? Infinity, job.arrived_at ?? Infinity, job.assigned_at ?? Infinity);
  const begins = Number.isFinite(from) ? from : job.created_at;
  const planned = waitsForArrival(job.state) ? Math.max(job.estimated_at ?? 0, job.promised_at ?? 0) : 0;
  const ends = job.ended_at ?? Math.max(now.value, planned);
  return [begins, Math.max(ends, begins + LEAST_MS)];
}

/** Lays jobs that overlap beside each other. @param {TimelineJob[]} list @param {Timeline} of */
function layOut(list, of) {
  /** @type {Bar[]} */
  const bars = [];
  /** @type {number[]} */
  const ends = [];
  const spans = list
    .map((job) => ({ job, span: extent(job) }))
    .filter(({ span: [from, until] }) => from < of.ends_at && until > of.starts_at)
    .sort((a, b) => a.span[0] - b.span[0] || (a.job.job < b.job.job ? -1 : 1));
  for (const { job, span } of spans) {
    const [from, until] = [Math.max(span[0], of.starts_at), Math.min(span[1], of.ends_at)];
    let lane = ends.findIndex((end) => end <= from);
    if (lane < 0) lane = ends.length;
    ends[lane] = Math.max(until, from + LEAST_MS);
    bars.push({ job, from, until, lane });
  }
  return { bars, lanes: Math.max(1, ends.length) };
}

/** Nobody's jobs first, then the technicians. @param {Timeline} of @returns {Row[]} */
function rows(of) {
  /** @type {Map<string, TimelineJob[]>} */
  const by = new Map();
  for (const one of of.jobs.map(fresh)) {
    if (!one.technician && isOver(one.state)) continue;
    const id = one.technician ?? '';
    by.set(id, [...(by.get(id) ?? []), one]);
  }
  const isRostered = of.technicians.some((one) => one.shifts.length);
  const list = of.technicians
    .filter((one) => isAll.value || !isRostered || one.shifts.length || by.has(one.technician))
    .map((one) => ({
      id: one.technician,
      name: one.name,
      shifts: one.shifts,
      ...layOut(by.get(one.technician) ?? [], of),
    }));
  const nobody = by.get('') ?? [];
  return nobody.length ? [{ id: '', name: t().board.nobody, shifts: [], ...layOut(nobody, of) }, ...list] : list;
}

/** Where a time stands, in percent of the day. @param {number} at @param {Timeline} of */
const percent = (at, of) => Math.max(0, Math.min(100, ((at - of.starts_at) / (of.ends_at - of.starts_at)) * 100));
/** @param {number} from @param {number} until @param {Timeline} of */
const across = (from, until, of) =>
  `left:${percent(from, of).toFixed(3)}%;width:${(percent(until, of) - percent(from, of)).toFixed(3)}%`;

/** The times of a job in words. @param {TimelineJob} job @param {string} zone */
function timesOf(job, zone) {
  const words = t().timeline.times;
  const said = /** @type {const} */ ([
    [words.assigned, job.assigned_at],
    [words.estimated, waitsForArrival(job.state) ? job.estimated_at : null],
    [words.promised, job.promised_at],
    [words.setOff, job.set_off_at],
    [words.arrived, job.arrived_at],
    [words.ended, job.ended_at],
  ]);
  return said.flatMap(([say, at]) => (at ? [say(timeIn(at, zone))] : [])).join(', ');
}

/** @param {Bar} bar @param {Timeline} of @param {string} tab the job that the tabulator reaches */
function barView(bar, of, tab) {
  const { job, from, until, lane } = bar;
  const isLate = job.promised_at && (job.arrived_at ?? (waitsForArrival(job.state) ? now.value : 0)) > job.promised_at;
  const about = `${job.number ?? t().board.noNumber}, ${t().states[job.state]}, ${timesOf(job, of.time_zone)}`;
  const within = (/** @type {number} */ at) => `left:${(((at - from) / (until - from)) * 100).toFixed(2)}%`;
  const begun = job.set_off_at ?? job.arrived_at;
  return html`<button
    type="button"
    class="bar-job ${isOver(job.state) ? 'is-over' : ''} ${isLate ? 'is-late' : ''} ${selected.value === job.job
      ? 'is-selected'
      : ''}"
    data-job=${job.job}
    aria-current=${selected.value === job.job ? 'true' : nothing}
    title=${about}
    tabindex=${tab === job.job ? 0 : -1}
    draggable=${isOver(job.state) ? 'false' : 'true'}
    .style=${`${across(from, until, of)};top:${lane * 30 + 3}px`}
    @click=${(/** @type {MouseEvent} */ event) => {
      selected.value = job.job;
      // By key it is opened, by pointer it is chosen.
      if (event.detail === 0) go('job', job.job);
    }}
    @dblclick=${() => go('job', job.job)}
    @focus=${() => {
      selected.value = job.job;
    }}
    @dragstart=${(/** @type {DragEvent} */ event) => {
      event.dataTransfer?.setData('text/plain', job.job);
      dragged = job.job;
    }}
    @dragend=${() => {
      dragged = '';
    }}
  >
    ${begun && begun < until
      ? html`<span class="done" .style=${`${within(Math.max(begun, from))};right:0`}></span>`
      : nothing}
    ${[
      ['estimated', waitsForArrival(job.state) ? job.estimated_at : null],
      ['arrived', job.arrived_at],
      ['promised', job.promised_at],
    ].map(([name, at]) =>
      typeof at === 'number' && at > from && at <= until
        ? html`<span class="mark-${name}" .style=${within(at)}></span>`
        : nothing,
    )}
    <span class="text">${job.number?.replace(/^\d{6}-/, '') ?? '–'} ${word(t().problemWords, job.problem)}</span
    ><span class="unseen">${about}</span>
  </button>`;
}

let dragged = '';

/** @param {Row} row @param {Timeline} of @param {string} tab */
function rowView(row, of, tab) {
  const isToday = of.starts_at <= now.value && now.value < of.ends_at;
  const heard = lastHeard.value.get(row.id);
  const shift = row.shifts.find((one) => !one.absence && one.starts_at <= now.value && now.value < one.ends_at);
  const isSilent = isToday && shift && heard !== undefined && now.value - heard > SILENT_MS;
  return html`<div
    class="line-of ${row.id ? '' : 'nobody'}"
    role="group"
    aria-label=${row.name}
    data-technician=${row.id}
    @dragover=${(/** @type {DragEvent} */ event) => {
      if (row.id && dragged) event.preventDefault();
    }}
    @drop=${(/** @type {DragEvent} */ event) => {
      event.preventDefault();
      const id = dragged;
      dragged = '';
      if (!row.id || !id || row.bars.some((bar) => bar.job.job === id)) return;
      openMove(id, row.id, load);
    }}
  >
    <span class="name"
      >${row.name}${row.shifts.some((one) => one.absence)
        ? html` <small class="muted">${t().people.duty.absent}</small>`
        : nothing}</span
    >
    <div class="track" .style=${`height:${row.lanes * 30 + 6}px`}>
      ${row.shifts.map(
        (one) =>
          html`<span
            class=${one.absence ? 'absence' : 'shift'}
            .style=${across(one.starts_at, one.ends_at, of)}
            title="${one.absence ? t().people.duty.absent : t().timeline.shift} ${timeIn(
              one.starts_at,
              of.time_zone,
            )}–${timeIn(one.ends_at, of.time_zone)}"
          ></span>`,
      )}
      ${isSilent
        ? html`<span
            class="silence"
            .style=${across(Math.max(heard, shift.starts_at), now.value, of)}
            title=${t().timeline.silentSince(timeIn(heard, of.time_zone))}
          ></span>`
        : nothing}
      ${isToday ? html`<span class="now" .style=${`left:${percent(now.value, of).toFixed(3)}%`}></span>` : nothing}
      ${repeat(
        row.bars,
        (bar) => bar.job.job,
        (bar) => barView(bar, of, tab),
      )}
    </div>
  </div>`;
}

/** @param {Timeline} of */
function hours(of) {
  /** @type {number[]} */
  const marks = [];
  for (let at = of.starts_at; at < of.ends_at; at += 2 * HOUR) marks.push(at);
  return html`<div class="hours" aria-hidden="true">
    <span class="name"></span>
    <div class="track">
      ${marks.map(
        (at) => html`<span .style=${`left:${percent(at, of).toFixed(3)}%`}>${timeIn(at, of.time_zone)}</span>`,
      )}
    </div>
  </div>`;
}

/** A day before or after. @param {string} text @param {number} by */
function shifted(text, by) {
  const at = new Date(`${text}T00:00:00Z`);
  at.setUTCDate(at.getUTCDate() + by);
  return at.toISOString().slice(0, 10);
}
/** @param {number} by */
const turn = (by) => {
  const from = read.value?.day ?? day.value;
  if (from) go('timeline', shifted(from, by));
};

/** @type {Element | undefined} */
let placed;
/** Begins two hours before now; after that the page moves by hand alone. @param {Element | undefined} element */
function toNow(element) {
  if (!element || element === placed || !read.value) return;
  placed = element;
  const of = read.value;
  const from = of.starts_at <= now.value && now.value < of.ends_at ? now.value - 2 * HOUR : of.starts_at + 6 * HOUR;
  queueMicrotask(() => {
    const track = element.querySelector('.hours .track');
    if (track) element.scrollLeft = (percent(from, of) / 100) * track.clientWidth;
  });
}

const tools = () =>
  html`<div class="timeline-top">
    ${button({ label: t().timeline.before, key: 'PageUp', run: () => turn(-1) })}
    <label class="day"
      ><span class="unseen">${t().timeline.day}</span
      ><input
        type="date"
        id="timeline-day"
        .value=${read.value?.day ?? day.value}
        @change=${(/** @type {Event} */ event) => {
          const { value } = /** @type {HTMLInputElement} */ (event.target);
          if (value) go('timeline', value);
        }}
    /></label>
    ${button({ label: t().timeline.after, key: 'PageDown', run: () => turn(1) })}
    ${button({ label: t().timeline.today, key: 'Home', run: () => go('timeline') })}
    ${branches.value.size > 1 && !me.value?.branch
      ? html`<select
          aria-label=${t().branch}
          @change=${(/** @type {Event} */ event) => {
            filter.value = { ...filter.value, branch: /** @type {HTMLSelectElement} */ (event.target).value };
            load();
          }}
        >
          <option value="" .selected=${!filter.value.branch}>${t().board.allBranches}</option>
          ${[...branches.value.values()].map(
            (one) => html`<option value=${one.id} .selected=${one.id === filter.value.branch}>${one.name}</option>`,
          )}
        </select>`
      : nothing}
    ${button({ label: t().timeline.all, key: 'KeyF', pressed: isAll.value, run: everybody })}
    <span class="muted">${read.value?.time_zone ?? ''}</span>
    <span class="grow"></span>
    ${button({ label: t().timeline.move, key: 'KeyM', disabled: !movable(), run: move })}
    ${button({ label: t().ownWindow, kind: 'quiet', run: () => window.open(location.href, '_blank', 'noopener') })}
  </div>`;

const everybody = () => {
  isAll.value = !isAll.value;
};
/** The selected job, if it is here and may go to another. */
const movable = () => {
  const job = read.value?.jobs.find((one) => one.job === selected.value);
  return job && !isOver(fresh(job).state) ? job.job : null;
};
async function move() {
  const id = movable();
  if (!id) return;
  const { openCandidates } = await import('./candidates.js');
  openCandidates([id]);
}

/** @param {string} _id */
export function view(_id) {
  const of = read.value;
  const title = html`<h1 class="unseen">${t().nav.timeline}</h1>`;
  if (!of)
    return html`${title}${tools()}
    ${problem.value ? refusal(problem.value, button({ label: t().candidates.again, run: load })) : loading()}`;
  const list = rows(of);
  const ids = list.flatMap((row) => row.bars.map((bar) => bar.job.job));
  const tab = selected.value && ids.includes(selected.value) ? selected.value : (ids[0] ?? '');
  return html`${title}${tools()}
  ${problem.value ? refusal(problem.value, button({ label: t().candidates.again, run: load })) : nothing}
  ${of.more_jobs || of.more_technicians ? html`<p class="hint">${t().timeline.more}</p>` : nothing}
  ${list.length
    ? html`<div class="timeline-rows" tabindex="-1" ${ref(toNow)}>
        ${hours(of)}${repeat(
          list,
          (row) => row.id,
          (row) => rowView(row, of, tab),
        )}
      </div>`
    : empty(t().timeline.empty)}`;
}

/** @param {string} id */
function focusBar(id) {
  const bar = document.querySelector(`.bar-job[data-job="${CSS.escape(id)}"]`);
  if (!(bar instanceof HTMLElement)) return;
  bar.focus({ preventScroll: true });
  bar.scrollIntoView({ block: 'nearest', inline: 'nearest' });
}

/** Moves the selection along its row, or to the nearest in time of another. @param {number} down @param {number} right */
function step(down, right) {
  if (!read.value) return;
  const list = rows(read.value).filter((row) => row.bars.length);
  const at = list.findIndex((row) => row.bars.some((bar) => bar.job.job === selected.value));
  let next;
  if (at < 0) next = list[0]?.bars[0];
  else if (right) {
    const bars = list[at]?.bars ?? [];
    next = bars[bars.findIndex((bar) => bar.job.job === selected.value) + right];
  } else {
    const here = list[at]?.bars.find((bar) => bar.job.job === selected.value)?.from ?? 0;
    next = [...(list[at + down]?.bars ?? [])].sort((a, b) => Math.abs(a.from - here) - Math.abs(b.from - here))[0];
  }
  if (!next) return;
  selected.value = next.job.job;
  focusBar(next.job.job);
}

/** @param {string} _id @returns {import('../lib/keys.js').Key[]} */
export const keys = (_id) => [
  { code: 'ArrowDown', label: t().keys.down, run: () => step(1, 0) },
  { code: 'ArrowUp', label: t().keys.up, run: () => step(-1, 0) },
  { code: 'ArrowRight', label: t().timeline.right, run: () => step(0, 1) },
  { code: 'ArrowLeft', label: t().timeline.left, run: () => step(0, -1) },
  {
    code: 'Enter',
    label: t().keys.open,
    run: () => {
      if (selected.value) go('job', selected.value);
    },
  },
  { code: 'KeyM', label: t().timeline.move, run: move },
  { code: 'KeyA', label: t().job.assign, run: move },
  { code: 'KeyF', label: t().timeline.all, run: everybody },
  { code: 'PageUp', label: t().timeline.before, run: () => turn(-1) },
  { code: 'PageDown', label: t().timeline.after, run: () => turn(1) },
  { code: 'Home', label: t().timeline.today, run: () => go('timeline') },
  { code: 'Escape', label: t().nav.board, run: () => go('board') },
];

let isOpen = false;
/** @param {string} id the day */
export function open(id) {
  if (day.value !== id) {
    read.value = null;
    problem.value = null;
  }
  isOpen = true;
  day.value = id;
  load();
  requestAnimationFrame(() => {
    if (selected.value) focusBar(selected.value);
  });
}

export function leave() {
  isOpen = false;
  asked += 1;
  clearTimeout(timer);
}

// A job that comes, goes or ends is on the board first.
let versions = '';
effect(() => {
  const next = [...jobs.value.values()].map((job) => `${job.id}${job.version}`).join();
  if (next === versions) return;
  versions = next;
  if (!isOpen || soon) return;
  soon = window.setTimeout(() => {
    soon = 0;
    if (isOpen) load();
  }, SOON_MS);
});
