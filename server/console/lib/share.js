// Gives a window the one stream of its browser: through a shared worker; where there is none, one page holds it and
// passes it on; where pages cannot agree on one, each has its own.
import { hold } from './stream.js';

/** @typedef {import('./stream.js').Told} Told */
/** @typedef {{ again: () => void, restart: () => void, stop: () => void }} Share */

const NAME = 'towline.events';
const WORKER = new URL('./stream_worker.js', import.meta.url).href;

/** Trusted Types: this address and no other is a script of ours. */
const policy = /** @type {any} */ (globalThis).trustedTypes?.createPolicy('towline', {
  createScriptURL: (/** @type {string} */ url) => {
    if (url !== WORKER) throw new TypeError(`${url} is no worker of this page`);
    return url;
  },
});

/** @param {(told: Told) => void} take @returns {Share} */
export function share(take) {
  if (typeof SharedWorker === 'function') {
    try {
      return byWorker(take);
    } catch {
      // A browser that has the name and not the thing.
    }
  }
  return navigator.locks && typeof BroadcastChannel === 'function' ? byPage(take) : hold(take);
}

/** @param {(told: Told) => void} take @returns {Share} */
function byWorker(take) {
  const worker = new SharedWorker(policy ? policy.createScriptURL(WORKER) : WORKER, { type: 'module', name: NAME });
  /** @type {Share | null} */
  let instead = null;
  let isStopped = false;
  worker.onerror = () => {
    if (!isStopped) instead ??= navigator.locks ? byPage(take) : hold(take);
  };
  const { port } = worker;
  port.onmessage = (/** @type {MessageEvent<Told>} */ { data }) => {
    if (!isStopped && !instead) take(data);
  };
  const ask = (/** @type {string} */ kind) => port.postMessage({ kind });
  const leave = () => ask('leave');
  // A page that comes back from the browser's memory of pages has missed what came meanwhile.
  const back = (/** @type {PageTransitionEvent} */ event) => {
    if (event.persisted) ask('join');
  };
  addEventListener('pagehide', leave);
  addEventListener('pageshow', back);
  ask('join');
  return {
    again: () => (instead ? instead.again() : ask('again')),
    restart: () => (instead ? instead.restart() : ask('restart')),
    stop: () => {
      isStopped = true;
      removeEventListener('pagehide', leave);
      removeEventListener('pageshow', back);
      leave();
      instead?.stop();
    },
  };
}

/**
 * The page that has the lock holds the stream. When it goes, the next one goes on after the last position that all
 * have heard of.
 * @param {(told: Told) => void} take
 * @returns {Share}
 */
function byPage(take) {
  const channel = new BroadcastChannel(NAME);
  const stopped = new AbortController();
  /** @type {ReturnType<typeof hold> | null} */
  let holder = null;
  /** @type {string | null} */
  let position = null;
  let user = '';
  /** @param {Told} told */
  const hear = (told) => {
    if ('id' in told && told.id) ({ id: position, user } = told);
    take(told);
  };
  channel.onmessage = ({ data }) => {
    if (data.told) {
      // What one window is told that has just come is old for those that were there.
      if (!data.joined || !position) hear(data.told);
    } else if (holder && data.ask === 'join') {
      const last = holder.last();
      const told = last?.kind === 'start' ? { ...last, isFresh: true, isRestored: false } : last;
      if (told) channel.postMessage({ told, joined: true });
    } else if (holder && data.ask === 'again') holder.again();
    else if (holder && data.ask === 'restart') holder.restart();
  };
  navigator.locks
    .request(NAME, { signal: stopped.signal }, () => {
      holder = hold(
        (told) => {
          hear(told);
          channel.postMessage({ told });
        },
        position,
        user,
      );
      return new Promise((resolve) => stopped.signal.addEventListener('abort', resolve));
    })
    .catch(() => {});
  const ask = (/** @type {string} */ kind) => channel.postMessage({ ask: kind });
  ask('join');
  return {
    again: () => (holder ? holder.again() : ask('again')),
    restart: () => (holder ? holder.restart() : ask('restart')),
    stop: () => {
      stopped.abort();
      holder?.stop();
      channel.close();
    },
  };
}
