// One selection for all windows of a person: what is selected in one is selected in the others.
import { effect, untracked } from '../vendor/signals-core/signals-core.js';
import { selected } from './store.js';

/** Shares the selection with the other windows of this browser. @param {string} account whose windows they are */
export function shareSelection(account) {
  if (!('BroadcastChannel' in globalThis)) return;
  const channel = new BroadcastChannel(`towline.selection.${account}`);
  let told = untracked(() => selected.value);
  channel.onmessage = (event) => {
    const id = event.data;
    if (id !== null && typeof id !== 'string') return;
    told = id;
    selected.value = id;
  };
  effect(() => {
    const id = selected.value;
    if (id === told) return;
    told = id;
    channel.postMessage(id);
  });
}
