// What was typed and not yet sent, kept for the person who typed it while this page of the browser lives.
import { me } from './store.js';

/** @param {string} name */
const nameOf = (name) => `towline.draft.${name}.${me.value?.tenant}.${me.value?.id}`;

/** Keeps a value through a reload; null forgets it. @param {string} name @param {unknown} value */
export function keepDraft(name, value) {
  if (!me.value) return;
  try {
    if (value === null) sessionStorage.removeItem(nameOf(name));
    else sessionStorage.setItem(nameOf(name), JSON.stringify(value));
  } catch {
    // A browser that keeps nothing loses it at a reload.
  }
}

/** What was kept. @param {string} name @returns {any} */
export function draftOf(name) {
  try {
    return JSON.parse(sessionStorage.getItem(nameOf(name)) ?? 'null');
  } catch {
    return null;
  }
}
