// Whose desk it is. The session is the browser's and not the page's: another page may log another person in, and
// what is done here would be signed by them. Where that is seen, the page begins again for the new person.
import { Refused, Unanswered, call, dropAll, loggedIn, loginNeeded, never, onOtherPerson, writeFor } from './http.js';
import { remember } from './i18n.js';
import { me } from './store.js';

/** @typedef {import('../types.js').Me} Me */

const NAME = 'towline.person';
const LOST = 'towline.lost';
/** For so long after the server said who is here it is not asked again before a write. */
const SURE_MS = 5000;
let sureAt = 0;

/** @param {Pick<Me, 'tenant' | 'id'>} one */
const nameOf = (one) => `${one.tenant}.${one.id}`;

/** What has not reached the server: told after the page has begun again. @type {() => string[]} */
let unsent = () => [];
/** @param {() => string[]} list gives it and clears it */
export function onChange(list) {
  unsent = list;
}

/** Takes the person that the server named. Gives whether the page goes on with them. @param {Me} who */
export function isHere(who) {
  const before = me.value;
  if (before && nameOf(before) !== nameOf(who)) {
    begin(before.name);
    return false;
  }
  sureAt = Date.now();
  me.value = who;
  writeFor(who.id);
  remember('person', nameOf(who));
  return true;
}

/** Begins again for another person. @param {string} before whose work is dropped */
function begin(before) {
  dropAll();
  const labels = unsent();
  try {
    if (labels.length) sessionStorage.setItem(LOST, JSON.stringify({ before, labels }));
  } catch {
    // A browser that keeps nothing cannot say it after.
  }
  location.reload();
}

/** What was dropped as the person changed, once. @returns {{ before: string, labels: string[] } | null} */
export function lost() {
  try {
    const kept = sessionStorage.getItem(LOST);
    sessionStorage.removeItem(LOST);
    return kept ? JSON.parse(kept) : null;
  } catch {
    return null;
  }
}

/** Asks the server who is here, unless it said so just now. Does not come back if it is someone else. */
export async function check(within = SURE_MS) {
  if (!me.value || Date.now() - sureAt < within) return;
  if (!isHere((await call('get', '/v1/me')).data)) await never();
}

/** Forgets who is here: other pages ask again. */
export const left = () => remember('person', '');

const look = () =>
  check(0).catch((error) => {
    // Without a connection the next write asks again.
    if (!(error instanceof Refused || error instanceof Unanswered)) throw error;
  });

onOtherPerson(async () => {
  if (!isHere((await call('get', '/v1/me')).data)) await never();
});

addEventListener('storage', (event) => {
  if (event.key !== NAME || !me.value) return;
  sureAt = 0;
  // The same person has logged in again beside this page.
  if (event.newValue === nameOf(me.value) && loginNeeded.value) loggedIn();
  look();
});
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) look();
});
