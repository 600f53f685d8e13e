// The job that is looked at: read again when it has changed, changed only as it was seen.
import { effect, signal } from '../vendor/signals-core/signals-core.js';
import { act } from './actions.js';
import { Refused, Unanswered, call } from './http.js';
import { jobs, restores, takeJob } from './store.js';

/** @typedef {import('../types.js').Job} Job */
/** @typedef {import('../types.js').Problem} Problem */
/** @typedef {{ id: string, job: Job | null, etag: string | null, problem: Problem | null }} Opened */

/** The job on the screen. */
export const opened = signal(/** @type {Opened | null} */ (null));

/** Reads a job for the screen. @param {string} id */
export function openJob(id) {
  if (opened.value?.id !== id) opened.value = { id, job: null, etag: null, problem: null };
  reload();
}

export function closeJob() {
  opened.value = null;
}

let isReading = false;
/** Reads it again. */
export async function reload() {
  const id = opened.value?.id;
  if (!id || isReading) return;
  isReading = true;
  try {
    const { data, etag } = await call('get', '/v1/jobs/{id}', { path: { id } });
    if (opened.value?.id === id) opened.value = { id, job: data, etag, problem: null };
  } catch (error) {
    if (error instanceof Refused && opened.value?.id === id) opened.value = { ...opened.value, problem: error.problem };
    else if (!(error instanceof Refused || error instanceof Unanswered)) throw error;
  } finally {
    isReading = false;
  }
  if (opened.value && opened.value.id !== id) reload();
}

// The board hears of a change first.
effect(() => {
  const now = opened.value;
  const listed = now && jobs.value.get(now.id);
  if (now?.job && listed && now.etag && listed.version > Number(/\d+/.exec(now.etag)?.[0])) queueMicrotask(reload);
});

// After a restore it may be older, or gone: what is shown is read anew, not compared.
let restored = restores.value;
effect(() => {
  if (restores.value === restored) return;
  restored = restores.value;
  queueMicrotask(() => {
    const id = opened.value?.id;
    if (!id) return;
    closeJob();
    openJob(id);
  });
});

/** Takes a job as a write answered it. @param {import('../types.js').JobView} view @param {string | null} etag */
export function took(view, etag) {
  takeJob(view, etag);
  const now = opened.value;
  if (now?.id === view.id)
    opened.value = {
      ...now,
      job: { ...view, likely_duplicates: now.job?.likely_duplicates ?? [] },
      etag,
      problem: null,
    };
}

/**
 * Does something to the job that is open, as it was seen, and shows it as it is then.
 * @template {import('../types.js').PathOf<'post'>} P
 * @param {string} label
 * @param {P} path
 * @param {any} body
 * @param {{ undo?: () => void, quiet?: boolean, fact?: string, unseen?: boolean }} [how]
 */
export async function post(label, path, body, how = {}) {
  const now = opened.value;
  if (!now) return null;
  /** @type {any} */
  const request = {
    path: { id: now.id, fact: how.fact ?? '' },
    body,
    ifMatch: how.unseen ? undefined : (now.etag ?? undefined),
  };
  /** @type {any} */
  const done = await act(label, 'post', path, request, how);
  if (done.ok) took(done.data, done.etag);
  else if (done.problem.code === 'changed_meanwhile') await reload();
  return /** @type {import('./actions.js').Outcome<import('../types.js').JobView>} */ (done);
}
