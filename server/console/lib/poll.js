// Asks for jobs again and again, where the server or a proxy gives no stream: a snapshot, then each change after it.
import { Refused, Unanswered, call } from './http.js';

/** @typedef {import('../types.js').JobListed} JobListed */
/** @typedef {import('./live.js').News} News */

const EVERY_MS = 2000;
const OPEN = 'received,offered,assigned,accepted,en_route,on_scene,working,in_tow,at_destination';
const OVER = 'completed,goa,unsuccessful,cancelled,closed';

/**
 * Asks until it is stopped.
 * @param {(news: News) => void} take
 * @param {() => void} heard the server answered
 * @returns {() => void} stops it
 */
export function poll(take, heard) {
  const stopped = new AbortController();
  run(take, heard, stopped.signal);
  return () => stopped.abort();
}

/** @param {(news: News) => void} take @param {() => void} heard @param {AbortSignal} signal */
async function run(take, heard, signal) {
  // From the first page of the snapshot: the changes after it miss nothing.
  let position = /** @type {string | null} */ (null);
  let isRestored = false;
  while (!signal.aborted) {
    let pause = EVERY_MS;
    try {
      if (position === null) {
        const read = await snapshot(signal, heard);
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

/**
 * Jobs that go on, and the last that ended; and the position of the changes after them.
 * @param {AbortSignal} signal
 */
export async function snapshot(signal, heard = () => {}) {
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
