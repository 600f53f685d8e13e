// What the desk does: sent once however often it is tried, shown while it waits, told when it is refused.
import { signal } from '../vendor/signals-core/signals-core.js';
import { Refused, Unanswered, call, freshKey } from './http.js';
import { heard } from './live.js';
import { check } from './person.js';

/** @typedef {import('../types.js').Problem} Problem */
/**
 * @typedef {object} Item
 * @property {string} id
 * @property {string} label what it does, in words
 * @property {'sending' | 'waiting' | 'done' | 'refused'} state
 * @property {number} since by this desk's clock
 * @property {Problem} [problem]
 * @property {string} [said] why it was not done, where the server was not asked
 * @property {(() => void)} [undo]
 */
/**
 * @template T
 * @typedef {{ ok: true, data: T, etag: string | null } | { ok: false, problem: Problem }} Outcome
 */

/** Actions that are under way, wait for the connection, or were done or refused just now. */
export const items = signal(/** @type {Item[]} */ ([]));

const DONE_MS = 6000;
/** Long enough to be read by someone who is on the phone. */
const REFUSED_MS = 30_000;
const AGAIN_MS = 2000;

/** @param {string} id @param {Partial<Item>} change */
function set(id, change) {
  items.value = items.value.map((item) => (item.id === id ? { ...item, ...change } : item));
}

/** Takes an item off the list. @param {string} id */
export function dismiss(id) {
  items.value = items.value.filter((item) => item.id !== id || item.state === 'sending' || item.state === 'waiting');
}

/**
 * Does something on the server. While there is no connection it waits, and is repeated with the same
 * key; nothing is done twice.
 * @template {import('../types.js').Method} M
 * @template {import('../types.js').PathOf<M>} P
 * @param {string} label
 * @param {M} method
 * @param {P} path
 * @param {import('../types.js').Request<P, M>} [request]
 * @param {{ quiet?: boolean, undo?: () => void, keep?: boolean }} [how] `quiet` says nothing when it is done or refused
 * @returns {Promise<Outcome<import('../types.js').Answer<P, M>>>}
 */
export async function act(label, method, path, request = {}, how = {}) {
  const id = freshKey();
  const keyed = { key: id, ...request };
  items.value = [...items.value, { id, label, state: 'sending', since: Date.now() }];
  for (;;) {
    try {
      await check();
      const { data, etag } = await call(method, path, keyed);
      heard();
      if (how.quiet) remove(id);
      else {
        set(id, how.undo ? { state: 'done', undo: how.undo } : { state: 'done' });
        setTimeout(() => remove(id), how.undo ? 3 * DONE_MS : DONE_MS);
      }
      return { ok: true, data, etag };
    } catch (error) {
      if (error instanceof Unanswered || (error instanceof Refused && isForLater(error.problem))) {
        set(id, { state: 'waiting' });
        const pause = error instanceof Refused && error.retryAfter ? error.retryAfter * 1000 : AGAIN_MS;
        await new Promise((resolve) => setTimeout(resolve, pause));
        continue;
      }
      if (error instanceof Refused) {
        if (how.quiet) remove(id);
        else {
          set(id, { state: 'refused', problem: error.problem });
          setTimeout(() => remove(id), REFUSED_MS);
        }
        return { ok: false, problem: error.problem };
      }
      remove(id);
      throw error;
    }
  }
}

/** Says that something was done elsewhere. @param {string} label */
export function done(label) {
  const id = freshKey();
  items.value = [...items.value, { id, label, state: 'done', since: Date.now() }];
  setTimeout(() => remove(id), DONE_MS);
}

/** Says that something was not done. @param {Pick<Item, 'label' | 'problem' | 'said'>} what */
export function tell(what) {
  const id = freshKey();
  items.value = [...items.value, { id, since: Date.now(), state: 'refused', ...what }];
  setTimeout(() => remove(id), REFUSED_MS);
}

/** Takes a refusal off the list that is shown elsewhere. @param {Problem} problem */
export function unsay(problem) {
  items.value = items.value.filter((item) => item.problem !== problem);
}

/** Takes off the list all that has an answer; gives whether there was any. */
export function dismissAll() {
  const left = items.value.filter((item) => item.state === 'sending' || item.state === 'waiting');
  const hadAny = left.length < items.value.length;
  items.value = left;
  return hadAny;
}

/** Drops what has no answer yet, and gives what it was. */
export function dropItems() {
  const dropped = items.value.filter((item) => item.state === 'waiting' || item.state === 'sending');
  items.value = items.value.filter((item) => !dropped.includes(item));
  return dropped.map((item) => item.label);
}

/** @param {string} id */
function remove(id) {
  items.value = items.value.filter((item) => item.id !== id);
}

/** Whether the same request may be taken later. @param {Problem} problem */
export function isForLater(problem) {
  return ['overloaded', 'unavailable', 'too_many_at_once', 'took_too_long', 'idempotency_key_busy', 'timeout'].includes(
    problem.code,
  );
}

addEventListener('beforeunload', (event) => {
  if (items.value.some((item) => item.state === 'waiting' || item.state === 'sending')) event.preventDefault();
});
