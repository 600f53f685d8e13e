// Starts the console: language, who is here, then the screen.
import { loginNeeded } from './lib/http.js';
import { mount } from './lib/draw.js';
import { best, remembered, speak } from './lib/i18n.js';
import { me } from './lib/store.js';
import { route } from './lib/router.js';
import { loginPage, passwordPage } from './screens/login.js';
import { shell, start } from './screens/shell.js';

const root = /** @type {HTMLElement} */ (document.getElementById('app'));
const theme = remembered('theme');
if (theme) document.documentElement.dataset.theme = theme;
await speak(remembered('language') ?? best(navigator.languages));

function view() {
  if (route.value.name === 'password') return passwordPage(route.value.id);
  if (me.value) return shell();
  return loginNeeded.value ? loginPage() : '';
}

mount(root, view);
if (route.value.name !== 'password') await start();
