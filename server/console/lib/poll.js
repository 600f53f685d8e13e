// Asks for jobs again and again, where the server or a proxy gives no stream: a snapshot, then each change after it.
import { Refused, Unanswered, call } from './http.js';

/** @typedef {import('../types.js').JobListed} JobListed */
/** @typedef {import('./live.js').News} News */

const EVERY_MS = 2000;
const OPEN = 'received,offered,assigned,accepted,en_route,on_scene,working,in_tow,at_destination';
const OVER = 'completed,goa,unsuccessful,cancelled,closed';

/**
 * Asks until it is stopped.
 * @param {string} account whose copy it is: a position belongs to it
 * @param {(news: News) => void} take
 * @param {() => void} heard the server answered
 * @returns {() => void} stops it
 */
export function poll(account, take, heard) {
  const stopped = new AbortController();
  run(account, take, heard, stopped.signal);
  return () => stopped.abort();
}

/** @param {string} account @param {(news: News) => void} take @param {() => void} heard @param {AbortSignal} signal */
async function run(account, take, heard, signal) {
  const name = `towline.position.${account}`;
  // Changes after a position of before, on top of a snapshot that is newer, give what stands now.
  let position = read(name);
  let isFilled = false;
  let isRestored = false;
  // While the history is read once, page by page, what changes now is asked for in between.
  let caughtAt = 0;
  let latest = 0;
  const note = (/** @type {JobListed[]} */ jobs) => {
    for (const job of jobs) latest = Math.max(latest, job.updated_at);
    return jobs;
  };
  while (!signal.aborted) {
    let pause = EVERY_MS;
    try {
      if (!isFilled) {
        const jobs = await snapshot(signal, heard);
        latest = 0;
        take({ jobs: note(jobs), isSnapshot: true, isRestored });
        isFilled = true;
        isRestored = false;
        caughtAt = Date.now();
      }
      const query = { limit: 200, cursor: position ?? undefined };
      const { data } = await call('get', '/v1/jobs/changes', { query, signal });
      heard();
      if (data.from_start && position !== null) {
        // Jobs of the copy that do not come again are gone: it is made anew before the position is kept.
        position = null;
        isFilled = false;
        isRestored = true;
        continue;
      }
      position = data.next;
      write(name, position);
      take({ jobs: note(data.items), isSnapshot: false, isRestored: false });
      if (data.more) pause = 0;
      if (data.more && Date.now() - caughtAt > EVERY_MS) {
        caughtAt = Date.now();
        take({ jobs: note(await since(latest, signal, heard)), isSnapshot: false, isRestored: false });
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Refused && ['bad_cursor', 'bad_query'].includes(error.problem.code)) {
        position = null;
        isFilled = false;
      }
      if (error instanceof Refused && error.retryAfter) pause = error.retryAfter * 1000;
      if (!(error instanceof Refused) && !(error instanceof Unanswered)) console.error(error);
    }
    if (pause) await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

/** Jobs that go on, and the last that ended. @param {AbortSignal} signal */
export async function snapshot(signal, heard = () => {}) {
  /** @type {JobListed[]} */
  const jobs = [];
  let cursor;
  do {
    /** @type {any} */
    const query = { state: OPEN, limit: 200, cursor };
    const { data } = await call('get', '/v1/jobs', { query, signal });
    heard();
    jobs.push(...data.items);
    cursor = data.next;
  } while (cursor);
  /** @type {any[]} */
  const rest = [
    { state: OVER, limit: 60, updated_since: Math.max(0, Date.now() - 24 * 3600_000) },
    { waiting: true, limit: 200 },
  ];
  for (const query of rest) jobs.push(...(await call('get', '/v1/jobs', { query, signal })).data.items);
  return jobs;
}

/** Jobs that changed at a time or later. @param {number} updated_since @param {AbortSignal} signal @param {() => void} heard */
async function since(updated_since, signal, heard) {
  /** @type {JobListed[]} */
  const jobs = [];
  let cursor;
  do {
    /** @type {any} */
    const query = { updated_since, limit: 200, cursor };
    const { data } = await call('get', '/v1/jobs', { query, signal });
    heard();
    jobs.push(...data.items);
    cursor = data.next;
  } while (cursor);
  return jobs;
}

/** @param {string} name */
function read(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

/** @param {string} name @param {string} value */
function write(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // Without it the next start reads all changes again.
  }
}
