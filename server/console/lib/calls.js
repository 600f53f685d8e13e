// Calls that were taken at this desk and are not yet at the server: sent one after the other, each once.
import { signal } from '../vendor/signals-core/signals-core.js';
import { draftOf, keepDraft } from './drafts.js';
import { Refused, Unanswered, call, freshKey } from './http.js';
import { clock, t } from './i18n.js';
import { heard } from './live.js';
import { isForLater, tell } from './actions.js';
import { check } from './person.js';
import { takeJob } from './store.js';

/** @typedef {import('../types.js').Problem} Problem */
/** @typedef {import('../types.js').JobView} JobView */
/**
 * `held`: put aside, not to be sent. `isTried`: it may have reached the server. `job`: it did, and its note is due.
 * @typedef {object} Call
 * @property {string} id its `Idempotency-Key`
 * @property {string} label
 * @property {Record<string, string>} form as it was typed
 * @property {boolean} isMeant
 * @property {any} body as it is sent
 * @property {number} takenAt
 * @property {'queued' | 'sending' | 'refused' | 'held'} state
 * @property {boolean} isTried
 * @property {boolean} isDelayed
 * @property {string} [job]
 * @property {Problem} [problem]
 */

/** Calls at most that wait on one desk. */
export const MOST_CALLS = 50;
const AGAIN_MS = 2000;

/** The oldest first. */
export const calls = signal(/** @type {Call[]} */ ([]));
/** @type {Map<string, (outcome: { job: JobView } | { problem: Problem }, id: string) => void>} */
const asked = new Map();
let isSending = false;

/** @param {Call[]} next */
function set(next) {
  calls.value = next;
  keepDraft('calls', next.length ? next : null);
}
/** @param {string} id @param {Partial<Call>} change */
const change = (id, change) => set(calls.value.map((one) => (one.id === id ? { ...one, ...change } : one)));

/** Goes on with what a page before this one had not sent. */
export function resumeCalls() {
  const kept = draftOf('calls');
  if (Array.isArray(kept)) calls.value = kept.slice(0, MOST_CALLS);
  send();
}

/**
 * Takes a call into the queue. `answered` hears of it if it was sent at the first try.
 * @param {Pick<Call, 'label' | 'form' | 'isMeant' | 'body' | 'takenAt' | 'isDelayed'> & { id?: string }} one
 * @param {(outcome: { job: JobView } | { problem: Problem }, id: string) => void} answered
 */
export function addCall(one, answered) {
  const id = one.id ?? freshKey();
  asked.set(id, answered);
  set([...calls.value, { ...one, id, state: 'queued', isTried: one.isDelayed }]);
  send();
}

/** Puts a form aside that is not yet to be sent. @param {Pick<Call, 'label' | 'form' | 'isMeant'>} one */
export function holdCall(one) {
  /** @type {Call} */
  const held = {
    ...one,
    id: freshKey(),
    body: null,
    takenAt: Date.now(),
    state: 'held',
    isTried: false,
    isDelayed: false,
  };
  set([...calls.value, held]);
}

/** Takes a call off the queue and gives it; none that is being sent. @param {string} id */
export function removeCall(id) {
  const one = calls.value.find((call) => call.id === id && call.state !== 'sending');
  if (!one || one.job) return null;
  asked.delete(id);
  set(calls.value.filter((call) => call.id !== id));
  return one;
}

/** Drops all of them, and gives what they were. */
export function dropCalls() {
  const labels = calls.value.map((one) => one.label);
  set([]);
  return labels;
}

async function send() {
  if (isSending) return;
  isSending = true;
  try {
    for (let one = next(); one; one = next()) await sendOne(one);
  } finally {
    isSending = false;
  }
}
// What a page before was sending has no answer: the same key makes a second try harmless.
const next = () => calls.value.find((one) => one.state === 'queued' || one.state === 'sending');

/** @param {Call} one */
async function sendOne(one) {
  change(one.id, { state: 'sending', isTried: true });
  try {
    await check();
    if (!one.job) {
      const { data, etag } = await call('post', '/v1/jobs', { body: one.body, key: one.id });
      heard();
      takeJob(data, etag);
      if (!one.isDelayed) {
        set(calls.value.filter((other) => other.id !== one.id));
        asked.get(one.id)?.({ job: data }, one.id);
        asked.delete(one.id);
        return;
      }
      one = { ...one, job: data.id };
      change(one.id, one);
    }
    const text = t().calls.takenAt(clock(one.takenAt, one.body.branch));
    await call('post', '/v1/jobs/{id}/notes', { path: { id: one.job ?? '' }, body: { text }, key: `${one.id}-note` });
    set(calls.value.filter((other) => other.id !== one.id));
  } catch (error) {
    if (error instanceof Unanswered || (error instanceof Refused && isForLater(error.problem))) {
      asked.delete(one.id);
      change(one.id, { state: 'queued', isDelayed: true });
      const pause = error instanceof Refused && error.retryAfter ? error.retryAfter * 1000 : AGAIN_MS;
      await new Promise((resolve) => setTimeout(resolve, pause));
      return;
    }
    if (!(error instanceof Refused)) {
      change(one.id, { state: 'queued' });
      throw error;
    }
    const answered = asked.get(one.id);
    asked.delete(one.id);
    if (one.job) {
      // The job stands; only the note of when the call came is missing.
      set(calls.value.filter((other) => other.id !== one.id));
      tell({ label: one.label, problem: error.problem });
      return;
    }
    change(one.id, { state: 'refused', problem: error.problem });
    answered?.({ problem: error.problem }, one.id);
  }
}

addEventListener('beforeunload', (event) => {
  if (calls.value.length) event.preventDefault();
});
