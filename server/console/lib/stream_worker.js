// The shared worker of all windows of a browser: it holds their one stream, and passes on what comes.
import { hold } from './stream.js';

/** @typedef {import('./stream.js').Told} Told */
/** @typedef {{ kind: 'join' | 'leave' | 'again' | 'restart' }} Asked */

/** @type {Set<MessagePort>} */
const ports = new Set();
/** @type {ReturnType<typeof hold> | null} */
let holder = null;

/** @param {Told} told */
const tell = (told) => {
  for (const port of ports) port.postMessage(told);
};

/** @type {any} */ (globalThis).onconnect = (/** @type {MessageEvent} */ event) => {
  const port = /** @type {MessagePort} */ (event.ports[0]);
  port.onmessage = (/** @type {MessageEvent<Asked>} */ { data }) => {
    if (data.kind === 'leave') ports.delete(port);
    else if (data.kind === 'join') {
      ports.add(port);
      holder ??= hold(tell);
      const last = holder.last();
      // A window that comes now reads the lists, and what changes from now on comes to it.
      if (last) port.postMessage(last.kind === 'start' ? { ...last, isFresh: true, isRestored: false } : last);
    } else if (data.kind === 'again') holder?.again();
    else holder?.restart();
  };
};
