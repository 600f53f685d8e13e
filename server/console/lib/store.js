// What the desk knows, once, for all screens.
import { computed, signal } from '../vendor/signals-core/signals-core.js';
import { clockOffset } from './http.js';
import { t, word } from './i18n.js';

/** @typedef {import('../types.js').JobListed} JobListed */
/** @typedef {import('../types.js').Technician} Technician */
/** @typedef {{ at: number, place: import('../types.js').Place, accuracy: number | null | undefined }} Point */

/** Who is logged in. */
export const me = signal(/** @type {import('../types.js').Me | null} */ (null));
/** Jobs that go on, and those that ended lately. */
export const jobs = signal(/** @type {Map<string, JobListed>} */ (new Map()));
export const technicians = signal(/** @type {Map<string, Technician>} */ (new Map()));
export const branches = signal(/** @type {Map<string, import('../types.js').Branch>} */ (new Map()));
export const vans = signal(/** @type {Map<string, import('../types.js').Van>} */ (new Map()));
export const devices = signal(/** @type {Map<string, import('../types.js').Device>} */ (new Map()));
export const users = signal(/** @type {Map<string, import('../types.js').User>} */ (new Map()));
/** The last point of each technician. */
export const points = signal(/** @type {Map<string, Point>} */ (new Map()));

/** Which jobs the board shows. */
export const filter = signal({ branch: '', technician: '', state: '', text: '' });
/** The job the keys act on. */
export const selected = signal(/** @type {string | null} */ (null));
/** Jobs that are marked for an action on all of them. */
export const marked = signal(/** @type {Set<string>} */ (new Set()));

const tick = signal(Date.now());
setInterval(() => {
  tick.value = Date.now();
}, 1000);
/** The server's clock, to the second. */
export const now = computed(() => tick.value + clockOffset.value);

/** When each technician was last heard, by a login of their phone or a position. */
export const lastHeard = computed(() => {
  /** @type {Map<string, number>} */
  const heard = new Map();
  const note = (/** @type {string} */ user, /** @type {number} */ at) => {
    if (at > (heard.get(user) ?? 0)) heard.set(user, at);
  };
  for (const device of devices.value.values()) {
    if (device.state !== 'revoked' && device.seen_at) note(device.user, device.seen_at);
  }
  for (const [user, point] of points.value) note(user, point.at);
  return heard;
});

export const LANES = /** @type {const} */ ([
  { name: 'waiting', states: ['received', 'offered'] },
  { name: 'given', states: ['assigned', 'accepted'] },
  { name: 'under_way', states: ['en_route'] },
  { name: 'on_scene', states: ['on_scene', 'working'] },
  { name: 'towing', states: ['in_tow', 'at_destination'] },
  { name: 'done', states: ['completed', 'goa', 'unsuccessful', 'cancelled', 'closed'] },
]);
/** @typedef {typeof LANES[number]['name']} Lane */

/** @type {Map<string, Lane>} */
const laneOfState = new Map(
  LANES.flatMap((lane) => lane.states.map((state) => [/** @type {string} */ (state), lane.name])),
);
/** @param {string} state @returns {Lane} */
export const laneOf = (state) => laneOfState.get(state) ?? 'done';
/** @param {string} state */
export const isOver = (state) => laneOf(state) === 'done';
/** Until when someone is to be there: the promise, else the estimate. @param {JobListed} job */
export const promised = (job) => job.eta_by ?? job.eta ?? null;
/** Minutes after it was received in which a job without a promise is due, by priority. */
export const DUE_MINUTES = /** @type {Record<string, number>} */ ({ urgent: 30, high: 45, normal: 60, low: 60 });
/** When a job is due: its promise, else a time by its priority. @param {JobListed} job */
export const dueAt = (job) => promised(job) ?? job.created_at + (DUE_MINUTES[job.priority ?? 'normal'] ?? 60) * 60_000;
/** The order of the board and of the wall: what is due first, so a fresh job never covers a late one. */
export const byDue = (/** @type {JobListed} */ a, /** @type {JobListed} */ b) =>
  dueAt(a) - dueAt(b) || (a.id < b.id ? -1 : 1);
/** Whether the customer still waits for someone to come. @param {string} state */
export const waitsForArrival = (state) => ['waiting', 'given', 'under_way'].includes(laneOf(state));
/** Whether the promise is broken. @param {JobListed} job @param {number} at */
export const isLate = (job, at) => waitsForArrival(job.state) && (promised(job) ?? at) < at;
/** Less time left than this is shown as soon, milliseconds. */
export const SOON_MS = 10 * 60_000;
/** Not heard for so long is shown as silent, milliseconds. */
export const SILENT_MS = 30 * 60_000;

/** What the server found to the text of the filter: the list of jobs has no phone numbers. */
export const alsoFound = signal({ text: '', ids: /** @type {Set<string>} */ (new Set()) });

/** Whether a card says these words, in the language of the desk. @param {JobListed} job @param {string[]} words */
function isSaid(job, words) {
  const said = [
    job.number,
    job.plate,
    job.caller,
    job.address,
    job.place ? `${job.place.lat.toFixed(5)}, ${job.place.lon.toFixed(5)}` : '',
    job.problem,
    word(t().problemWords, job.problem),
    word(t().states, job.state),
    word(t().priorities, job.priority),
    job.provider,
    personName(job.technician),
    branches.value.get(job.branch ?? '')?.name,
  ];
  const hay = said.filter(Boolean).join(' ').normalize('NFKC').toLowerCase();
  return words.every((one) => hay.includes(one));
}

/** Those the filter lets through. */
export const shown = computed(() => {
  const { branch, technician, state, text } = filter.value;
  const words = text.normalize('NFKC').toLowerCase().split(/\s+/).filter(Boolean);
  return [...jobs.value.values()].filter((job) => {
    if (branch && job.branch !== branch) return false;
    if (technician === 'none' ? job.technician || job.provider : technician && job.technician !== technician)
      return false;
    if (state && laneOf(job.state) !== state) return false;
    return !words.length || (alsoFound.value.text === text && alsoFound.value.ids.has(job.id)) || isSaid(job, words);
  });
});

/** Jobs by lane, the least time left first; those that are over by their last change. */
export const lanes = computed(() => {
  /** @type {Record<Lane, JobListed[]>} */
  const by = { waiting: [], given: [], under_way: [], on_scene: [], towing: [], done: [] };
  for (const job of shown.value) by[laneOf(job.state)].push(job);
  for (const lane of LANES) {
    const list = by[lane.name];
    if (lane.name === 'done') list.sort((a, b) => b.updated_at - a.updated_at);
    else list.sort(byDue);
  }
  return by;
});

/** How many decisions wait. */
export const decisions = computed(() => {
  let count = 0;
  for (const job of jobs.value.values()) count += job.exceptions.length;
  return count;
});

/** Milliseconds a job that is over stays on the board. */
const KEPT_MS = 24 * 3600_000;
/** @param {JobListed} job @param {number} at */
const isKept = (job, at) => !isOver(job.state) || job.exceptions.length > 0 || job.updated_at > at - KEPT_MS;

/** How often the server went back to a backup: what was read before is no longer so. */
export const restores = signal(0);

/** Begins again with these jobs. Versions that were known are forgotten. @param {JobListed[]} items */
export function beginJobs(items, isRestored = false) {
  const next = byId(items);
  jobs.value = next;
  const left = [...marked.value].filter((id) => next.has(id));
  if (left.length !== marked.value.size) marked.value = new Set(left);
  if (isRestored) restores.value += 1;
}

/** Takes off the board what was over for long, by the rule by which it came. */
export function forgetOld(at = now.value) {
  const old = [...jobs.value.values()].filter((job) => !isKept(job, at));
  if (!old.length) return;
  const next = new Map(jobs.value);
  for (const job of old) next.delete(job.id);
  jobs.value = next;
}
setInterval(() => forgetOld(), 60_000);

/** Takes in jobs as they are now. @param {JobListed[]} items */
export function takeJobs(items) {
  if (!items.length) return;
  const next = new Map(jobs.value);
  for (const job of items) {
    const known = next.get(job.id);
    if (known && known.version > job.version) continue;
    if (isKept(job, now.value)) next.set(job.id, job);
    else next.delete(job.id);
  }
  jobs.value = next;
}

/** Takes off the board jobs that went to a branch that this desk does not see. @param {string[]} ids */
export function dropJobs(ids) {
  const gone = ids.filter((id) => jobs.value.has(id));
  if (!gone.length) return;
  const next = new Map(jobs.value);
  for (const id of gone) next.delete(id);
  beginJobs([...next.values()]);
}

/** A job in short, from the whole of it. @param {import('../types.js').JobView} view @param {string | null} etag */
export function takeJob(view, etag) {
  const known = jobs.value.get(view.id);
  const version = Number(/\d+/.exec(etag ?? '')?.[0] ?? known?.version ?? 0);
  const { intake, assignment } = view;
  const goes = assignment && assignment.kind !== 'recall' ? assignment : null;
  takeJobs([
    {
      id: view.id,
      number: intake.number,
      state: view.state,
      walk_up: view.walk_up,
      branch: intake.branch,
      priority: intake.priority,
      problem: intake.problem,
      plate: intake.plate,
      caller: intake.caller,
      address: intake.address,
      place: intake.place,
      technician: goes?.technician,
      provider: goes?.provider,
      assignment_number: assignment?.assignment_number,
      eta: view.promise.eta,
      eta_by: view.promise.eta_by,
      created_at: known?.created_at ?? now.value,
      updated_at: now.value,
      exceptions: view.exceptions.map((exception) => exception.about),
      version,
      etag: etag ?? known?.etag ?? '"v0"',
    },
  ]);
}

/** Takes in points of technicians; an older one moves nobody back. @param {import('../types.js').Position[]} items */
export function takePoints(items) {
  const next = new Map(points.value);
  for (const { user, fixed_at, place, accuracy } of items) {
    if ((next.get(user)?.at ?? 0) <= fixed_at) next.set(user, { at: fixed_at, place, accuracy });
  }
  points.value = next;
}

/** What a person is called. @param {string | null | undefined} id */
export function personName(id) {
  if (!id) return '';
  return technicians.value.get(id)?.name ?? users.value.get(id)?.name ?? (me.value?.id === id ? me.value.name : '');
}

/** IANA time zone of a branch; the desk's own where there is none. @param {string | null | undefined} branch */
export function zoneOf(branch) {
  const id = branch ?? me.value?.branch;
  return known(
    (id && branches.value.get(id)?.time_zone) ||
      (branches.value.size === 1 ? [...branches.value.values()][0]?.time_zone : undefined),
  );
}

/** @type {Map<string, boolean>} */
const zones = new Map();
/** A zone that this browser knows; its own in place of another. @param {string | undefined} zone */
function known(zone) {
  if (!zone) return undefined;
  let isKnown = zones.get(zone);
  if (isKnown === undefined) {
    try {
      isKnown = Boolean(new Intl.DateTimeFormat('en', { timeZone: zone }));
    } catch {
      isKnown = false;
    }
    zones.set(zone, isKnown);
  }
  return isKnown ? zone : undefined;
}

/** @template {{ id: string }} T @param {T[]} items @returns {Map<string, T>} */
export const byId = (items) => new Map(items.map((item) => [item.id, item]));
