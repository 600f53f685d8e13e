// Coming in, for the first time and again in place; and setting a password with a link.
import { signal } from '../vendor/signals-core/signals-core.js';
import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { Refused, call, loggedIn, loginNeeded } from '../lib/http.js';
import { LANGUAGES, best, language, remember, remembered, speak, t } from '../lib/i18n.js';
import { isHere } from '../lib/person.js';
import { me } from '../lib/store.js';
import { button, field, unplaced } from '../lib/ui.js';

/** @typedef {import('../types.js').Problem} Problem */

const form = signal({ tenant: remembered('tenant') ?? '', login: remembered('login') ?? '', password: '', again: '' });
const problem = signal(/** @type {Problem | null} */ (null));
const isBusy = signal(false);
const isDone = signal(false);

/** @param {Partial<typeof form.value>} change */
const set = (change) => {
  form.value = { ...form.value, ...change };
};

export const languagePicker = () =>
  html`<div class="languages" role="group" aria-label=${t().language}>
    ${LANGUAGES.map(
      ([tag, name]) =>
        html` <button
          type="button"
          lang=${tag}
          aria-pressed=${String(tag === language.value)}
          @click=${() => speak(tag, true)}
        >
          ${name}
        </button>`,
    )}
  </div>`;

/** @param {unknown} error @returns {Problem} */
function told(error) {
  if (error instanceof Refused) return error.problem;
  /** @type {any} */
  const none = { type: '', title: t().unanswered, status: 0, code: 'unanswered', request_id: '' };
  return none;
}

/** @param {Event} event */
async function logIn(event) {
  event.preventDefault();
  const { tenant, login, password } = form.value;
  isBusy.value = true;
  problem.value = null;
  try {
    const { data } = await call('post', '/v1/session', { body: { tenant, login, password } });
    remember('tenant', tenant);
    remember('login', login);
    set({ password: '' });
    // What waits was begun by the one who was here: it goes on for nobody else.
    if (!isHere(data.user)) return;
    loggedIn();
    if (!remembered('language')) await speak(best([data.user.language]));
  } catch (error) {
    problem.value = told(error);
  }
  isBusy.value = false;
}

const mark = () =>
  html`<p class="brand">
    <svg viewBox="0 0 32 32" aria-hidden="true">
      <path
        d="M4 25h24M8 25V7l14 11"
        fill="none"
        stroke="currentColor"
        stroke-width="2.6"
        stroke-linecap="round"
        stroke-linejoin="round"
      />
      <circle cx="22" cy="18" r="2.8" fill="currentColor" /></svg
    >Towline
  </p>`;

/** The form alone: the page of its own, and what lies over the screen when a session has ended. */
export function loginForm() {
  const { tenant, login, password } = form.value;
  const p = problem.value;
  return html`<form class="stack" @submit=${logIn} novalidate>
    ${field({
      name: 'tenant',
      label: t().login.tenant,
      value: tenant,
      set: (tenant) => set({ tenant }),
      problem: p,
      required: true,
      autocomplete: 'organization',
      first: !tenant,
    })}
    ${field({
      name: 'login',
      label: t().login.login,
      value: login,
      set: (login) => set({ login }),
      problem: p,
      required: true,
      autocomplete: 'username',
      first: Boolean(tenant) && !login,
    })}
    ${field({
      name: 'password',
      label: t().login.password,
      type: 'password',
      value: password,
      set: (password) => set({ password }),
      problem: p,
      required: true,
      autocomplete: 'current-password',
      first: Boolean(tenant && login),
    })}
    ${unplaced(p, ['tenant', 'login', 'password'])}
    ${button({
      label: isBusy.value ? t().login.busy : t().login.enter,
      kind: 'primary',
      submits: true,
      disabled: isBusy.value,
      run: () => {},
    })}
  </form>`;
}

export const loginPage = () =>
  html`<main class="door">
    <div class="door-card">
      ${mark()}
      <h1>${t().login.title}</h1>
      ${loginForm()}
    </div>
    ${languagePicker()}
  </main>`;

/** Whether the login lies over a screen that someone was working on. */
export const isAgain = () => loginNeeded.value && me.value !== null;

/** @param {string} secret @returns {(event: Event) => Promise<void>} */
const redeem = (secret) => async (event) => {
  event.preventDefault();
  const { password, again } = form.value;
  if (password !== again) {
    /** @type {any} */
    const differ = { type: '', title: t().password.differ, status: 0, code: 'differ', field: 'again', request_id: '' };
    problem.value = differ;
    return;
  }
  isBusy.value = true;
  problem.value = null;
  try {
    const { data } = await call('post', '/v1/password-links/redeem', { body: { secret, password } });
    set({ tenant: data.tenant, login: data.login, password: '', again: '' });
    isDone.value = true;
    // The secret is used up; it need not stay in the address.
    history.replaceState(null, '', '/password');
  } catch (error) {
    problem.value = told(error);
  }
  isBusy.value = false;
};

/** The page behind an invite or reset link. @param {string} secret */
export function passwordPage(secret) {
  const { password, again, tenant, login } = form.value;
  const p = problem.value;
  const body = isDone.value
    ? html`<p class="prose">${t().password.done(login, tenant)}</p>
        <a class="button primary" href="/">${t().login.enter}</a>`
    : html`<form class="stack" @submit=${redeem(secret)} novalidate>
        ${field({
          name: 'password',
          label: t().password.first,
          type: 'password',
          value: password,
          set: (password) => set({ password }),
          problem: p,
          hint: t().password.hint,
          autocomplete: 'new-password',
          first: true,
        })}
        ${field({
          name: 'again',
          label: t().password.again,
          type: 'password',
          value: again,
          set: (again) => set({ again }),
          problem: p,
          autocomplete: 'new-password',
        })}
        ${unplaced(p, ['password', 'again'])}
        ${button({ label: t().password.set, kind: 'primary', submits: true, disabled: isBusy.value, run: () => {} })}
      </form>`;
  return html`<main class="door">
    <div class="door-card">
      ${mark()}
      <h1>${t().password.title}</h1>
      ${secret || isDone.value ? body : html`<p class="prose">${t().password.missing}</p>`}
    </div>
    ${languagePicker()}${nothing}
  </main>`;
}
