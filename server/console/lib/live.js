// Follows the jobs of the server: a snapshot, then each change after it, none missed. The changes come on the stream
// that all windows of the browser share, or by asking where there is none.
import { computed, signal } from '../vendor/signals-core/signals-core.js';
import { Refused, Unanswered } from './http.js';
import { check } from './person.js';
import { poll, snapshot } from './poll.js';
import { share } from './share.js';

/** @typedef {import('../types.js').JobListed} JobListed */
/** @typedef {import('../types.js').Position} Position */
/** @typedef {import('./stream.js').Told} Told */
/**
 * What happened: the board begins again with what comes (a snapshot), or goes on; `left` are jobs that this desk does
 * not see any more. `isRestored`: the server went back to a backup, and nothing that was known before counts, versions
 * least of all.
 * @typedef {{ jobs: JobListed[], left: string[], isSnapshot: boolean, isRestored: boolean }} News
 */

/** Behind after so long without a word of the server, and cut after so long. A heartbeat comes every 5 s. */
const BEHIND_MS = 7000;
const CUT_MS = 10_000;
const AGAIN_MS = 2000;
/** A stream of another person is replaced so often at most. */
const RESTART_MS = 5000;

/** When the board was last known to miss nothing, by this desk's clock. */
export const heardAt = signal(0);
/** Whether changes come on the stream. */
export const isStreaming = signal(false);
const isBroken = signal(false);
const beat = signal(Date.now());
setInterval(() => {
  beat.value = Date.now();
}, 1000);

/** How this desk stands with the server. */
export const connection = computed(() => {
  const silent = Math.max(0, beat.value - heardAt.value);
  if (heardAt.value === 0) return { state: /** @type {const} */ ('starting'), silent: 0, since: 0 };
  if (silent > CUT_MS) return { state: /** @type {const} */ ('cut'), silent, since: heardAt.value };
  if (silent > BEHIND_MS || isBroken.value)
    return { state: /** @type {const} */ ('behind'), silent, since: heardAt.value };
  return { state: /** @type {const} */ ('live'), silent, since: heardAt.value };
});

let tryAgain = () => {};
addEventListener('online', () => tryAgain());

/** Notes that the server answered a request: a stream that is broken can be tried again. */
export function heard() {
  if (isBroken.value) tryAgain();
}

function note() {
  heardAt.value = Date.now();
  beat.value = Date.now();
}

/**
 * Follows the jobs until it is stopped.
 * @param {{ tenant: string, id: string }} person whose desk it is
 * @param {(news: News) => void} take
 * @param {(points: Position[]) => void} takePoints
 * @returns {() => void} stops it
 */
export function follow(person, take, takePoints) {
  const stopped = new AbortController();
  let isFilled = false;
  let isRestored = false;
  let isCatchingUp = false;
  let filling = 0;
  let restartedAt = 0;
  /** What changed while the snapshot was read. @type {Map<string, JobListed>} */
  const late = new Map();
  /** What left the sight of this desk meanwhile. @type {Set<string>} */
  const lateLeft = new Set();
  /** @type {(() => void) | null} */
  let stopPoll = null;

  /** Reads the snapshot. What comes on the stream meanwhile is taken after it: it may be newer. */
  async function fill() {
    filling += 1;
    const mine = filling;
    const isMine = () => mine === filling && !stopped.signal.aborted;
    isFilled = false;
    late.clear();
    lateLeft.clear();
    while (isMine()) {
      try {
        const { jobs } = await snapshot(stopped.signal);
        if (!isMine()) return;
        take({ jobs, left: [], isSnapshot: true, isRestored });
        take({ jobs: [...late.values()], left: [...lateLeft], isSnapshot: false, isRestored: false });
        late.clear();
        lateLeft.clear();
        isFilled = true;
        isRestored = false;
        if (!isBroken.value) note();
      } catch (error) {
        if (!(error instanceof Refused || error instanceof Unanswered)) {
          if (!stopped.signal.aborted) console.error(error);
        }
        const ms = error instanceof Refused && error.retryAfter ? error.retryAfter * 1000 : AGAIN_MS;
        if (!isFilled) await new Promise((resolve) => setTimeout(resolve, ms));
      }
      if (isFilled) return;
    }
  }

  /** Waits until someone is logged in, then goes on. They may see other jobs than before. */
  async function logIn() {
    filling += 1;
    isFilled = false;
    for (;;) {
      try {
        await check(0);
        if (!stopped.signal.aborted) shared.again();
        return;
      } catch (error) {
        if (!(error instanceof Refused || error instanceof Unanswered)) throw error;
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      }
    }
  }

  /** The stream is of a session that was this browser's before: it is another person's. */
  function replace() {
    if (Date.now() - restartedAt < RESTART_MS) return;
    restartedAt = Date.now();
    shared.restart();
  }

  /** @param {Told} told */
  function hear(told) {
    if ('user' in told && told.user !== person.id) {
      if (told.kind === 'start') replace();
      return;
    }
    if (told.kind === 'start') {
      stopPoll?.();
      stopPoll = null;
      isStreaming.value = true;
      isBroken.value = false;
      isCatchingUp = !told.isFresh;
      isRestored ||= told.isRestored;
      if (told.isFresh || !isFilled) fill();
    } else if (told.kind === 'jobs') {
      isCatchingUp = told.isMore;
      const { jobs, left } = told;
      if (isFilled) take({ jobs, left, isSnapshot: false, isRestored: false });
      else {
        for (const job of jobs) {
          late.set(job.id, job);
          lateLeft.delete(job.id);
        }
        for (const id of left) {
          late.delete(id);
          lateLeft.add(id);
        }
      }
    } else if (told.kind === 'points') takePoints(told.points);
    else if (told.kind === 'login') {
      isBroken.value = true;
      logIn();
    } else if (told.kind === 'refused') {
      isStreaming.value = false;
      isBroken.value = false;
      filling += 1;
      isFilled = false;
      stopPoll ??= poll(take, note);
    } else if (told.kind === 'broken') {
      if (!stopPoll) isBroken.value = true;
    } else if (isFilled && !isCatchingUp && !isBroken.value) note();
  }

  const shared = share(hear);
  tryAgain = shared.again;
  return () => {
    stopped.abort();
    shared.stop();
    stopPoll?.();
  };
}
