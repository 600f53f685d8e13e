// What every screen stands in: navigation, the desk's own connection, actions under way, keys, what lies over it.
import { effect, signal, untracked } from '../vendor/signals-core/signals-core.js';
import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { ref } from '../vendor/lit-html/directives/ref.js';
import { repeat } from '../vendor/lit-html/directives/repeat.js';
import { dismiss, dismissAll, dropItems, items, tell } from '../lib/actions.js';
import { calls, dropCalls, resumeCalls } from '../lib/calls.js';
import { Refused, Unanswered, all, call } from '../lib/http.js';
import { clock, language, remember, secondsLong, t, word } from '../lib/i18n.js';
import { globals, keyName, push } from '../lib/keys.js';
import { shareSelection } from '../lib/follow.js';
import { connection, follow, isStreaming } from '../lib/live.js';
import { isHere, left, lost, onChange } from '../lib/person.js';
import { go, href, route } from '../lib/router.js';
import {
  beginJobs,
  dropJobs,
  branches,
  byId,
  decisions,
  devices,
  jobs,
  me,
  takeJobs,
  takePoints,
  technicians,
  users,
  vans,
} from '../lib/store.js';
import { button, cap, dialogs, dialogsView, guarded, icon, loading, modal, openDialog, sentence } from '../lib/ui.js';
import * as board from './board.js';
import { openCommand } from './command.js';
import { isAgain, languagePicker, loginForm } from './login.js';

/**
 * A screen: what it shows, and the keys it has while it is open.
 * @typedef {object} Screen
 * @property {(id: string) => unknown} view
 * @property {(id: string) => import('../lib/keys.js').Key[]} keys
 * @property {(id: string) => void} [open]
 * @property {() => void} [leave]
 */

/** Screens are fetched when they are opened for the first time. @type {Record<string, () => Promise<Screen>>} */
const SCREENS = {
  board: async () => board,
  intake: () => import('./intake.js'),
  job: () => import('./job.js'),
  inbox: () => import('./inbox.js'),
  people: () => import('./people.js'),
  admin: () => import('./admin.js'),
  timeline: () => import('./timeline.js'),
  map: () => import('./map.js'),
  proposal: () => import('./proposal.js'),
  wall: () => import('./wall.js'),
};
const open = signal(/** @type {{ name: string, id: string, screen: Screen } | null} */ (null));
const isStale = signal(false);

/** Asks who is here, and begins to follow the board. */
export async function start() {
  for (;;) {
    try {
      if (!isHere((await call('get', '/v1/me')).data)) return;
      break;
    } catch (error) {
      if (!(error instanceof Refused || error instanceof Unanswered)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 2000));
    }
  }
  const dropped = lost();
  for (const label of dropped?.labels ?? []) tell({ label, said: t().actions.dropped(dropped?.before ?? '') });
  if (!me.value) return;
  const taken = (/** @type {import('../lib/live.js').News} */ news) => {
    if (news.isSnapshot) beginJobs(news.jobs, news.isRestored);
    else takeJobs(news.jobs);
    dropJobs(news.left);
  };
  follow(me.value, taken, takePoints);
  keepFresh();
  shareSelection(`${me.value.tenant}.${me.value.id}`);
  resumeCalls();
  effect(show);
  globals.value = keys();
  // What is opened by a key is there when the key is pressed.
  setTimeout(() => {
    for (const name of ['intake', 'job', 'inbox'])
      SCREENS[name]?.().then(
        (screen) => loaded.set(name, screen),
        () => {},
      );
    import('./candidates.js').catch(() => {});
  }, 1500);
  push(() => (open.value ? screenKeys(open.value) : []));
}

/** The keys of a screen; none of one that cannot be shown. @param {{ id: string, screen: Screen }} one */
function screenKeys(one) {
  try {
    return one.screen.keys(one.id);
  } catch (error) {
    console.error(error);
    return [];
  }
}

let shownAt = '';
/** Opens the screen that the address names. */
function show() {
  const { name, id } = route.value;
  // What lies over a job is about that job: it would be done to the one that comes under it.
  if (shownAt !== href(name, id)) for (const dialog of untracked(() => dialogs.value)) untracked(dialog.close);
  shownAt = href(name, id);
  const load = Object.hasOwn(SCREENS, name) ? SCREENS[name] : SCREENS.board;
  if (!load) return;
  const known = loaded.get(name);
  if (known) {
    untracked(() => enter(name, id, known));
    return;
  }
  load().then(
    (screen) => {
      loaded.set(name, screen);
      if (route.value.name === name && route.value.id === id) enter(name, id, screen);
    },
    () => {
      isStale.value = true;
    },
  );
}

/** @type {Map<string, Screen>} */
const loaded = new Map();

/** @param {string} name @param {string} id @param {Screen} screen */
function enter(name, id, screen) {
  if (open.value && open.value.name !== name) open.value.screen.leave?.();
  open.value = { name, id, screen };
  screen.open?.(id);
  document.getElementById('main')?.scrollTo(0, 0);
}

/** Reads again what no stream tells of yet. */
function keepFresh() {
  const every = (/** @type {number} */ ms, /** @type {() => Promise<void>} */ read) => {
    const again = async () => {
      try {
        if (!document.hidden) await read();
      } catch (error) {
        if (!(error instanceof Refused || error instanceof Unanswered)) throw error;
      }
      setTimeout(again, ms);
    };
    again();
  };
  every(60_000, async () => {
    branches.value = byId(await all('/v1/branches', { query: /** @type {any} */ ({ limit: undefined }) }));
  });
  every(30_000, async () => {
    technicians.value = byId(await all('/v1/technicians'));
  });
  every(30_000, async () => {
    devices.value = byId(await all('/v1/devices'));
  });
  // The stream tells who moves; a window that comes later has not heard who stands.
  let isRead = false;
  every(15_000, async () => {
    if (isStreaming.value && isRead) return;
    await readPoints();
    isRead = isStreaming.value;
  });
  every(300_000, async () => {
    users.value = byId(await all('/v1/users'));
  });
  every(120_000, async () => {
    vans.value = byId(await all('/v1/vans'));
  });
  // An offer that ran out changes nothing by itself: the list of offers tells.
  every(10_000, readOffers);
}

async function readPoints() {
  // However old: who is silent for long is somewhere all the same, and says since when.
  const { data } = await call('get', '/v1/positions', { query: {} });
  takePoints(data.items);
}

async function readOffers() {
  const held = [...jobs.value.values()].filter((job) => job.state === 'offered');
  if (!held.length) return;
  const still = byId(await all('/v1/jobs', { query: { state: /** @type {any} */ ('offered') } }));
  const next = new Map(jobs.value);
  for (const job of held) {
    const kept = next.get(job.id);
    if (kept && kept.state === 'offered' && !still.has(job.id))
      next.set(job.id, { ...kept, state: 'received', technician: null, provider: null });
  }
  jobs.value = next;
}

/** Reads technicians, phones and vans again, after something about them was changed. */
export async function refreshPeople() {
  technicians.value = byId(await all('/v1/technicians'));
  devices.value = byId(await all('/v1/devices'));
}
export async function refreshVans() {
  vans.value = byId(await all('/v1/vans'));
}

const isAdministrator = () => me.value?.role === 'administrator';
const isManager = () => isAdministrator() || me.value?.role === 'manager';

/** @returns {import('../lib/keys.js').Key[]} */
function keys() {
  return [
    {
      code: 'KeyN',
      get label() {
        return t().nav.intake;
      },
      run: () => go('intake'),
    },
    {
      code: 'KeyB',
      get label() {
        return t().nav.board;
      },
      run: () => go('board'),
    },
    {
      code: 'KeyE',
      get label() {
        return t().nav.inbox;
      },
      run: () => go('inbox'),
    },
    {
      code: 'KeyP',
      get label() {
        return t().nav.people;
      },
      run: () => go('people'),
    },
    {
      code: 'KeyG',
      get label() {
        return t().nav.admin;
      },
      run: () => {
        if (isManager()) go('admin');
      },
    },
    {
      code: 'KeyT',
      get label() {
        return t().nav.timeline;
      },
      run: () => go('timeline'),
    },
    {
      code: 'KeyM',
      get label() {
        return t().nav.map;
      },
      run: () => go('map'),
    },
    {
      code: 'KeyW',
      get label() {
        return t().nav.wall;
      },
      run: () => go('wall'),
    },
    {
      code: 'Slash',
      get label() {
        return t().keys.command;
      },
      run: commandLine,
    },
    {
      code: '?',
      shown: '?',
      get label() {
        return t().keys.help;
      },
      run: help,
    },
    {
      code: 'KeyZ',
      get label() {
        return t().keys.undo;
      },
      run: undo,
    },
    {
      code: 'KeyD',
      get label() {
        return t().keys.theme;
      },
      run: theme,
    },
  ];
}

/** Takes back the last action that can be. */
function undo() {
  const last = items.value.findLast((item) => item.state === 'done' && item.undo);
  if (!last) return;
  last.undo?.();
  dismiss(last.id);
}

function theme() {
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  const isDark = (document.documentElement.dataset.theme ?? (dark ? 'dark' : 'light')) === 'dark';
  document.documentElement.dataset.theme = isDark ? 'light' : 'dark';
  remember('theme', isDark ? 'light' : 'dark');
}

const commandLine = () => openCommand(globals.value);

function help() {
  const all = [...(open.value ? screenKeys(open.value) : []), ...globals.value].filter((key) => !key.hidden);
  openDialog({
    label: t().keys.help,
    className: 'keys',
    view: (close) =>
      html`<h2>${t().keys.help}</h2>
        <dl class="keys-list">
          ${all.map(
            (key) =>
              html`<div>
                <dt><kbd>${key.shown ?? keyName(key.code)}</kbd></dt>
                <dd>${key.label}</dd>
              </div>`,
          )}
        </dl>
        <p class="hint">${t().keys.about}</p>
        <footer>${button({ label: t().close, run: close, first: true })}</footer>`,
  });
}

onChange(() => [...dropItems(), ...dropCalls()]);

async function leave() {
  try {
    await call('delete', '/v1/session');
  } catch (error) {
    if (!(error instanceof Refused || error instanceof Unanswered)) throw error;
    // The session lives on, and whoever comes next would be taken for this person.
    tell({
      label: t().login.leave,
      said: t().login.stillIn(me.value?.name ?? ''),
      problem: error instanceof Refused ? error.problem : undefined,
    });
    return;
  }
  left();
  location.reload();
}

/** @param {string} name @param {string} label @param {string} key @param {number} [count] @param {string} [about] */
const link = (name, label, key, count = 0, about = '') =>
  html`<a
    href=${href(name)}
    class="nav-link"
    aria-current=${open.value?.name === name ? 'page' : nothing}
    aria-keyshortcuts=${key}
  >
    ${label}${count
      ? html`<span class="count attention">${count}<span class="unseen"> ${about}</span></span>`
      : nothing}${cap(key)}</a
  >`;

function connectionView() {
  const { state, silent, since } = connection.value;
  const text =
    state === 'live'
      ? t().connection.live
      : state === 'behind'
        ? t().connection.behind(secondsLong(silent))
        : state === 'cut'
          ? t().connection.cut(clock(since))
          : t().connection.starting;
  return html`<span class="connection ${state}"><span class="dot" aria-hidden="true"></span>${text}</span>`;
}

function menu() {
  openDialog({
    label: t().nav.menu,
    className: 'small menu',
    view: (close) =>
      html`<h2>${me.value?.name}</h2>
        <p class="prose">${me.value?.tenant_name} · ${word(t().roles, me.value?.role)}</p>
        <section>
          <h3>${t().language}</h3>
          ${languagePicker()}
        </section>
        <section class="row">
          ${button({ label: t().keys.theme, key: 'KeyD', run: theme })}${button({
            label: t().keys.help,
            key: '?',
            run: () => {
              close();
              help();
            },
          })}
        </section>
        <footer>
          ${button({ label: t().login.leave, kind: 'danger', run: leave })}${button({
            label: t().close,
            run: close,
            first: true,
          })}
        </footer>`,
  });
}

const header = () =>
  html`<header class="bar">
    <a
      class="skip"
      href="#main"
      @click=${(/** @type {Event} */ event) => {
        event.preventDefault();
        document.getElementById('main')?.focus();
      }}
      >${t().nav.skip}</a
    >
    <nav aria-label=${t().nav.label}>
      ${link('board', t().nav.board, 'B')}${link(
        'inbox',
        t().nav.inbox,
        'E',
        decisions.value,
        t().inbox.waiting(decisions.value),
      )}
      ${link('timeline', t().nav.timeline, 'T')}${link('map', t().nav.map, 'M')}
      ${link('people', t().nav.people, 'P')}${isManager() ? link('admin', t().nav.admin, 'G') : nothing}${link(
        'wall',
        t().nav.wall,
        'W',
      )}
    </nav>
    <button type="button" class="command-button" @click=${commandLine} aria-keyshortcuts="/">
      ${t().command.open}${cap('Slash')}
    </button>
    <div class="bar-end">
      ${connectionView()}
      ${calls.value.length
        ? html`<a class="button attention" href=${href('intake')}>${t().calls.count(calls.value.length)}</a>`
        : nothing}
      <button type="button" class="button quiet who" @click=${menu} title=${t().nav.menu}>${me.value?.name}</button>
      ${button({ label: t().nav.intake, key: 'KeyN', kind: 'primary', run: () => go('intake') })}
    </div>
  </header>`;

/** Messages that are shown at a time, the newest. */
const MOST_ITEMS = 3;

function itemsView() {
  const shown = items.value.slice(-MOST_ITEMS).reverse();
  const undoable = items.value.findLast((item) => item.state === 'done' && item.undo);
  const older = items.value.length - shown.length;
  return html`<section class="toasts" aria-label=${t().actions.title} aria-live="polite">
    ${repeat(
      shown,
      (item) => item.id,
      (item) => {
        const about =
          item.state === 'waiting'
            ? t().actions.waiting(clock(item.since))
            : item.state === 'sending'
              ? t().actions.sending
              : '';
        return html`<div class="toast ${item.state}">
          ${item.state === 'refused' ? icon('no') : item.state === 'done' ? icon('done') : icon('soon')}
          <p>
            <b>${item.label}</b>${about ? html` <span>${about}</span>` : nothing}${item.problem
              ? html` ${sentence(item.problem)}`
              : nothing}${item.said ? html` <span>${item.said}</span>` : nothing}
          </p>
          ${item === undoable ? button({ label: t().actions.undo, key: 'KeyZ', run: undo }) : nothing}
          ${item.state === 'refused' ? button({ label: t().close, run: () => dismiss(item.id) }) : nothing}
        </div>`;
      },
    )}${older ? html`<p class="older">${t().actions.more(older)}</p>` : nothing}
  </section>`;
}

// Escape goes back from what is open; where nothing is, it clears the messages.
addEventListener(
  'keydown',
  (event) => {
    const isTyping = event.target instanceof HTMLElement && event.target.matches('input, textarea, select');
    if (event.key !== 'Escape' || event.isComposing || isTyping || dialogs.value.length) return;
    if (!dismissAll()) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  },
  true,
);

const again = () =>
  html`<dialog
    class="dialog small"
    aria-label=${t().login.again}
    ${ref(modal)}
    @cancel=${(/** @type {Event} */ event) => event.preventDefault()}
  >
    <h2>${t().login.again}</h2>
    <p class="prose">${t().login.kept}</p>
    ${loginForm()}
  </dialog>`;

/** The whole page of someone who is logged in. */
export function shell() {
  const screen = open.value;
  const isWall = screen?.name === 'wall';
  const body = screen ? guarded(() => screen.screen.view(screen.id)) : loading();
  return html`<div
    class="desk ${connection.value.state === 'cut' ? 'is-cut' : ''} ${isWall ? 'is-wall' : ''}"
    lang=${language.value}
  >
    ${isWall ? nothing : header()}
    ${isStale.value
      ? html`<div class="banner" role="alert">
          ${t().stale} ${button({ label: t().reload, run: () => location.reload() })}
        </div>`
      : nothing}
    <main id="main" tabindex=${isWall ? 0 : -1} class="screen ${screen?.name ?? ''}">${body}</main>
    ${itemsView()}${dialogsView()}${isAgain() ? again() : nothing}
  </div>`;
}
