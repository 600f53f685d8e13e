// Which screen is open: it stands behind the `#` of the address, so that the server serves one page.
import { signal } from '../vendor/signals-core/signals-core.js';

/** @typedef {{ name: string, id: string }} Route */

/** What stands in an address is anyone's. @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** @returns {Route} */
function read() {
  if (location.pathname === '/password') return { name: 'password', id: location.hash.slice(1) };
  const [name, id] = location.hash.replace(/^#\/?/, '').split('/');
  return { name: name || 'board', id: decoded(id ?? '') };
}

/** The screen that is open. */
export const route = signal(read());
addEventListener('hashchange', () => {
  route.value = read();
});

/** @param {string} name @param {string} [id] */
export const href = (name, id) => `#/${name}${id ? `/${encodeURIComponent(id)}` : ''}`;
/** Opens a screen. @param {string} name @param {string} [id] */
export function go(name, id) {
  if (location.hash === href(name, id)) return;
  location.hash = href(name, id);
  // The event comes later, and a key that is pressed at once is for the new screen.
  route.value = read();
}
