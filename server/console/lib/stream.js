// Holds the one stream of events of a browser, and tells its windows. It runs in a worker or in a page, so it knows
// neither the page nor its state.
import { blocks } from './sse.js';

/** @typedef {import('../types.js').JobListed} JobListed */
/** @typedef {import('../types.js').Position} Position */
/**
 * What windows are told. `start`: from here on every change comes. `isFresh`: what changed before is not told, so read
 * the lists. `isRestored`: the server went back to a backup. `broken`: there is no stream, and it is tried again.
 * `refused`: the server answers and gives none. `login`: the session ended, or its person may do less.
 * @typedef {{ kind: 'start', user: string, isFresh: boolean, isRestored: boolean, id: string }
 *   | { kind: 'jobs', user: string, jobs: JobListed[], left: string[], isMore: boolean, id: string }
 *   | { kind: 'points', user: string, points: Position[] }
 *   | { kind: 'heard' | 'broken' | 'refused' | 'login' }} Told
 */

/** Seconds between two heartbeats that are asked for, and milliseconds of silence after which the stream is dead. */
const BEAT_S = 5;
const SILENT_MS = 12_000;
/** Waits between two attempts, milliseconds. */
const FIRST_MS = 500;
const LAST_MS = 10_000;
/** The wait where the server has no stream at all. */
const NONE_MS = 60_000;

/**
 * Follows events until it is stopped.
 * @param {(told: Told) => void} tell
 * @param {string | null} [position] id of the last event that is known
 * @param {string} [of] whose position that is
 */
export function hold(tell, position = null, of = '') {
  const stopped = new AbortController();
  let goOn = () => {};
  let isAsked = false;
  let cut = () => {};
  /** @type {Told | null} */
  let last = null;
  let attempts = 0;
  let user = of;

  /** @param {Told} told */
  const say = (told) => {
    if (told.kind !== 'jobs' && told.kind !== 'points' && told.kind !== 'heard') last = told;
    tell(told);
  };

  /** Waits, unless there is a reason to go on before. @param {number} ms */
  const pause = (ms) =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      goOn = () => {
        clearTimeout(timer);
        resolve(undefined);
      };
      if (isAsked || stopped.signal.aborted) goOn();
      isAsked = false;
    });

  /** The next wait: twice the last, and not the same for all desks. */
  const backOff = () => {
    const most = Math.min(LAST_MS, FIRST_MS * 2 ** Math.min(attempts, 10));
    attempts += 1;
    return most * (0.5 + Math.random() / 2);
  };

  /** Follows one stream to its end. Gives how long to wait before the next. */
  async function once() {
    const attempt = new AbortController();
    // An answer of which nothing comes is gathered by a proxy.
    let isGathered = false;
    cut = () => attempt.abort();
    stopped.signal.addEventListener('abort', cut);
    let watch = setTimeout(cut, SILENT_MS);
    const heard = () => {
      clearTimeout(watch);
      watch = setTimeout(cut, SILENT_MS);
    };
    try {
      const response = await fetch(`/v1/events?beat=${BEAT_S}`, {
        headers: position ? { 'last-event-id': position } : {},
        cache: 'no-store',
        signal: attempt.signal,
      });
      const type = response.headers.get('content-type') ?? '';
      if (!response.ok || !type.startsWith('text/event-stream')) return await refused(response, type);
      if (!response.body) return lost();
      isGathered = true;
      for await (const list of blocks(response.body)) {
        isGathered = false;
        heard();
        const ms = take(list);
        if (ms !== null) return ms;
      }
      return lost();
    } catch {
      return isGathered ? none() : lost();
    } finally {
      clearTimeout(watch);
      stopped.signal.removeEventListener('abort', cut);
      attempt.abort();
    }
  }

  const lost = () => {
    if (stopped.signal.aborted) return 0;
    say({ kind: 'broken' });
    return backOff();
  };

  const none = () => {
    if (stopped.signal.aborted) return 0;
    say({ kind: 'refused' });
    return NONE_MS;
  };

  /** @param {Response} response @param {string} type */
  async function refused(response, type) {
    // What a proxy says for a server that it cannot reach is no answer of the server.
    if (response.status >= 502 && !type.includes('json')) return lost();
    const problem = type.includes('json') ? await response.json().catch(() => ({})) : {};
    if (problem.code === 'bad_cursor') {
      position = null;
      return 0;
    }
    if (response.status === 401) {
      say({ kind: 'login' });
      return Infinity;
    }
    const wait = none();
    const after = Number(response.headers.get('retry-after') ?? 0) * 1000;
    const isBusy = response.status === 429 || response.status >= 500;
    return isBusy ? Math.max(after, backOff()) * (1 + Math.random() / 2) : wait;
  }

  /** Passes on what came. Gives how long to wait if the stream ends with it. @param {import('./sse.js').Block[]} list */
  function take(list) {
    /** @type {Position[]} */
    const points = [];
    let ms = null;
    for (const { name, id, data } of list) {
      if (name === 'start') {
        attempts = 0;
        // A position of one tenant says nothing in the log of another.
        const isTheirs = !user || user === data.user;
        user = data.user;
        if (!isTheirs && data.resumed) {
          position = null;
          return 0;
        }
        say({
          kind: 'start',
          user,
          isFresh: !data.resumed,
          isRestored: !data.resumed && position !== null && isTheirs,
          id: id ?? '',
        });
      } else if (name === 'jobs')
        say({ kind: 'jobs', user, jobs: data.items, left: data.left ?? [], isMore: data.more, id: id ?? '' });
      // A heartbeat: up to here nothing is missed.
      else if (!name && id) say({ kind: 'jobs', user, jobs: [], left: [], isMore: false, id });
      else if (name === 'position') points.push(data);
      else if (name === 'end' && data.reason === 'session') {
        say({ kind: 'login' });
        ms = Infinity;
      } else if (name === 'end') ms = data.reason === 'age' ? 0 : lost();
      if (id) position = id;
    }
    if (points.length) say({ kind: 'points', user, points });
    say({ kind: 'heard' });
    return ms;
  }

  (async () => {
    while (!stopped.signal.aborted) {
      const ms = await once();
      if (ms > 0) await pause(Math.min(ms, 2 ** 31 - 1));
    }
  })();

  return {
    /** What a window that comes now has to know. */
    last: () => last,
    /** Tries at once instead of waiting. */
    again: () => {
      isAsked = true;
      attempts = 0;
      goOn();
    },
    /** Begins with another stream, as for another person. */
    restart: () => {
      isAsked = true;
      cut();
      goOn();
    },
    stop: () => stopped.abort(),
  };
}
