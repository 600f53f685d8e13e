// Follows the jobs of the server: a snapshot, then each change after it, none missed.
//
// `follow` is all that screens know of it. It asks again and again today; a stream can take its
// place with the same two calls to `take`.
import { computed, signal } from '../vendor/signals-core/signals-core.js';
import { Refused, Unanswered, call } from './http.js';

/** @typedef {import('../types.js').JobListed} JobListed */
/**
 * What happened: the board begins again with what comes (a snapshot), or goes on; `left` are jobs that this desk does
 * not see any more. `isRestored`: the server went back to a backup, and nothing that was known before counts, versions
 * least of all.
 * @typedef {{ jobs: JobListed[], left: string[], isSnapshot: boolean, isRestored: boolean }} News
 */

const EVERY_MS = 2000;
/** Behind after so long without an answer, and cut after so long. */
const BEHIND_MS = 6000;
const CUT_MS = 12_000;
const OPEN = 'received,offered,assigned,accepted,en_route,on_scene,working,in_tow,at_destination';
const OVER = 'completed,goa,unsuccessful,cancelled,closed';

/** When the server last answered, by this desk's clock. */
export const heardAt = signal(0);
const beat = signal(Date.now());
setInterval(() => {
  beat.value = Date.now();
}, 1000);

/** How this desk stands with the server. */
export const connection = computed(() => {
  const silent = beat.value - heardAt.value;
  if (heardAt.value === 0) return { state: /** @type {const} */ ('starting'), silent: 0, since: 0 };
  if (silent > CUT_MS) return { state: /** @type {const} */ ('cut'), silent, since: heardAt.value };
  if (silent > BEHIND_MS) return { state: /** @type {const} */ ('behind'), silent, since: heardAt.value };
  return { state: /** @type {const} */ ('live'), silent, since: heardAt.value };
});

/** Notes that the server answered. */
export function heard() {
  heardAt.value = Date.now();
  beat.value = Date.now();
}

/**
 * Follows the jobs until it is stopped.
 * @param {(news: News) => void} take
 * @returns {() => void} stops it
 */
export function follow(take) {
  const stopped = new AbortController();
  run(take, stopped.signal);
  return () => stopped.abort();
}

/** @param {(news: News) => void} take @param {AbortSignal} signal */
async function run(take, signal) {
  // From the first page of the snapshot: the changes after it miss nothing.
  let position = /** @type {string | null} */ (null);
  let isRestored = false;
  while (!signal.aborted) {
    let pause = EVERY_MS;
    try {
      if (position === null) {
        const read = await snapshot(signal);
        take({ jobs: read.jobs, left: [], isSnapshot: true, isRestored });
        position = read.position;
        isRestored = false;
      }
      const query = { limit: 200, cursor: position };
      const { data } = await call('get', '/v1/jobs/changes', { query, signal });
      heard();
      if (data.from_start) {
        // Jobs of the copy that do not come again are gone: it is made anew.
        position = null;
        isRestored = true;
        continue;
      }
      position = data.next;
      take({ jobs: data.items, left: data.left ?? [], isSnapshot: false, isRestored: false });
      if (data.more) pause = 0;
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Refused && ['bad_cursor', 'bad_query'].includes(error.problem.code)) position = null;
      if (error instanceof Refused && error.retryAfter) pause = error.retryAfter * 1000;
      if (!(error instanceof Refused) && !(error instanceof Unanswered)) console.error(error);
    }
    if (pause) await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

/** Jobs that go on, and the last that ended; and the position of the changes after them. @param {AbortSignal} signal */
async function snapshot(signal) {
  /** @type {JobListed[]} */
  const jobs = [];
  let position = '';
  let cursor;
  do {
    /** @type {any} */
    const query = { state: OPEN, limit: 200, cursor };
    const { data } = await call('get', '/v1/jobs', { query, signal });
    heard();
    jobs.push(...data.items);
    position ||= data.changes ?? '';
    cursor = data.next;
  } while (cursor);
  /** @type {any[]} */
  const rest = [
    { state: OVER, limit: 60, updated_since: Math.max(0, Date.now() - 24 * 3600_000) },
    { waiting: true, limit: 200 },
  ];
  for (const query of rest) jobs.push(...(await call('get', '/v1/jobs', { query, signal })).data.items);
  return { jobs, position };
}
