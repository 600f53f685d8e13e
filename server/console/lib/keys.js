// Single keys, by the place of the key and not by its letter, so that an input method is no hindrance.
import { signal } from '../vendor/signals-core/signals-core.js';

/**
 * @typedef {object} Key
 * @property {string} code `KeyN`, `Enter`, `Ctrl+Enter`, `Shift+KeyX`
 * @property {string} label what it does
 * @property {string} [shown] how it is written, if not by its code
 * @property {(event: KeyboardEvent) => void} run
 * @property {boolean} [inFields] also while someone types
 * @property {boolean} [hidden] not in the list of keys
 */

/** The keys in force: those of the whole desk, and those of the screen or of what lies over it. */
export const globals = signal(/** @type {Key[]} */ ([]));
const stack = signal(/** @type {Array<{ keys: () => Key[], isModal: boolean }>} */ ([]));

/** The keys that work now, the last first. */
export function active() {
  const layers = stack.value;
  const modal = layers.findLastIndex((layer) => layer.isModal);
  const own = layers
    .slice(Math.max(0, modal))
    .reverse()
    .flatMap((layer) => layer.keys());
  return modal >= 0 ? own : [...own, ...globals.value];
}

/**
 * Adds keys until they are taken off again. Those of a `modal` layer hide all below.
 * @param {() => Key[]} keys
 * @param {boolean} [isModal]
 */
export function push(keys, isModal = false) {
  const layer = { keys, isModal };
  stack.value = [...stack.value, layer];
  return () => {
    stack.value = stack.value.filter((other) => other !== layer);
  };
}

/** How a key is written. @param {string} code */
export function keyName(code) {
  const arrows = { ArrowDown: '↓', ArrowUp: '↑', ArrowLeft: '←', ArrowRight: '→' };
  return code
    .replace(/Arrow\w+/, (arrow) => /** @type {Record<string, string>} */ (arrows)[arrow] ?? arrow)
    .replace(/Key|Digit|Numpad/, '')
    .replace('Escape', 'Esc')
    .replace('Equal', '+')
    .replace('Minus', '−')
    .replace('PageUp', 'PgUp')
    .replace('PageDown', 'PgDn')
    .replace('Slash', '/')
    .replace('Enter', '↵');
}

/** @param {EventTarget | null} target */
function isField(target) {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !['checkbox', 'radio', 'button', 'submit'].includes(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement || target.isContentEditable;
}

addEventListener('keydown', (event) => {
  if (event.isComposing || event.keyCode === 229) return;
  if (event.metaKey || event.altKey) {
    if (!(event.altKey && event.code.startsWith('Key'))) return;
  }
  /** @type {string[]} */
  const names = [];
  const prefix = (event.ctrlKey ? 'Ctrl+' : '') + (event.altKey ? 'Alt+' : '');
  // These two are signs and not places: keyboards have them on other keys, with shift or without.
  if (event.key === '?' || (event.shiftKey && event.code === 'Slash')) names.push('?');
  else if (event.key === '/') names.push('Slash');
  else names.push(`${prefix}${event.shiftKey ? 'Shift+' : ''}${event.code}`);
  const typing = isField(event.target);
  const found = active().find((key) => names.includes(key.code) && (!typing || key.inFields));
  if (!found) return;
  // A link or button that has the focus is pressed with Enter and space.
  const pressed = event.code === 'Enter' || event.code === 'Space';
  if (
    pressed &&
    !prefix &&
    event.target instanceof HTMLElement &&
    event.target.closest('a[href], button, summary') &&
    !found.inFields
  )
    return;
  event.preventDefault();
  // A key that is held down moves on and on, but does a thing once.
  if (event.repeat && !/Arrow|^Key[JK]$/.test(found.code)) return;
  found.run(event);
});
