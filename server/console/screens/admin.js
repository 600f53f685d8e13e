// Administration: branches, people and their links, tokens, parts, billing, and who did what.
import { signal } from '../vendor/signals-core/signals-core.js';
import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { act } from '../lib/actions.js';
import { Refused, Unanswered, all, call } from '../lib/http.js';
import { amount, clock, date, language, LANGUAGES, moment, percent, t, word } from '../lib/i18n.js';
import { go, href } from '../lib/router.js';
import { branches, byId, jobs, me, now, personName, users } from '../lib/store.js';
import { badge, button, confirm, empty, field, icon, loading, openDialog, refusal, tabs } from '../lib/ui.js';
import { openForm } from './job_dialogs.js';

/** @typedef {import('../types.js').User} User */
/** @typedef {import('../types.js').Branch} Branch */
/** @typedef {import('../types.js').Schemas['ApiToken']} Token */
/** @typedef {import('../types.js').Schemas['Scope']} Scope */
/** @typedef {'branches' | 'users' | 'tokens' | 'parts' | 'audit' | 'billing'} Tab */

const tab = signal(/** @type {Tab} */ ('branches'));
const isAdministrator = () => me.value?.role === 'administrator';
/** @returns {Tab[]} */
const names = () =>
  isAdministrator()
    ? ['branches', 'users', 'tokens', 'parts', 'audit', 'billing']
    : ['branches', 'users', 'parts', 'audit', 'billing'];

const tokens = signal(/** @type {Token[] | null} */ (null));
const parts = signal(/** @type {import('../types.js').Part[] | null} */ (null));
const billing = signal(
  /** @type {{ data: import('../types.js').Schemas['Billing'], etag: string | null } | null} */ (null),
);
const audit = signal(
  /** @type {{ rows: Array<import('../types.js').Schemas['AuditEntry']>, next: string | null | undefined } | null} */ (
    null
  ),
);
const filter = signal({ object: '', text: '' });
const problem = signal(/** @type {import('../types.js').Problem | null} */ (null));

/** Reads what the tab shows. @param {Tab} name */
async function read(name) {
  problem.value = null;
  try {
    if (name === 'branches') branches.value = byId((await call('get', '/v1/branches')).data.items);
    if (name === 'users') users.value = byId(await all('/v1/users'));
    if (name === 'tokens') tokens.value = await all('/v1/tokens');
    if (name === 'parts') parts.value = await all('/v1/parts', {}, 10);
    if (name === 'billing') billing.value = await call('get', '/v1/billing');
    if (name === 'audit') await readAudit(false);
  } catch (error) {
    if (error instanceof Refused) problem.value = error.problem;
    else if (!(error instanceof Unanswered)) throw error;
  }
}

/** @param {boolean} isMore */
async function readAudit(isMore) {
  const query = {
    limit: 100,
    object: filter.value.object.trim() || undefined,
    cursor: isMore ? (audit.value?.next ?? undefined) : undefined,
  };
  const { data } = await call('get', '/v1/audit', { query });
  audit.value = { rows: [...(isMore ? (audit.value?.rows ?? []) : []), ...data.items], next: data.next };
}

/** @param {Tab} name */
function choose(name) {
  tab.value = name;
  read(name);
}

const CURRENCIES = ['TWD', 'CNY', 'USD', 'EUR', 'HKD', 'JPY'];
const ZONES = ['Asia/Taipei', 'Asia/Shanghai', 'Asia/Hong_Kong', 'Asia/Tokyo', 'America/New_York', 'Europe/Berlin'];
const kinds = () => /** @type {Array<readonly [string, string]>} */ (Object.entries(t().admin.kinds));

/** @param {Branch | null} one */
function editBranch(one) {
  openForm({
    title: one?.name ?? t().admin.addBranch,
    yes: t().save,
    values: {
      name: one?.name ?? '',
      kind: one?.kind ?? 'owned',
      currency: one?.currency ?? 'TWD',
      time_zone: one?.time_zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
      region: one?.region ?? '',
      active: String(one?.active ?? true),
    },
    fields: () => [
      { name: 'name', label: t().admin.name },
      { name: 'kind', label: t().admin.kind, options: kinds() },
      { name: 'currency', label: t().admin.currency, list: CURRENCIES },
      { name: 'time_zone', label: t().admin.zone, list: ZONES },
      { name: 'region', label: t().admin.region, list: ['TW', 'CN', 'HK'] },
      ...(one
        ? [
            {
              name: 'active',
              label: t().admin.active,
              options: /** @type {Array<readonly [string, string]>} */ ([
                ['true', t().people.yes],
                ['false', t().people.no],
              ]),
            },
          ]
        : []),
    ],
    send: async (v) => {
      const body = {
        name: v.name,
        kind: /** @type {'owned'} */ (v.kind),
        currency: v.currency.trim().toUpperCase(),
        time_zone: v.time_zone,
        region: v.region.trim().toUpperCase() || null,
      };
      const done = one
        ? await act(
            t().admin.saving,
            'patch',
            '/v1/branches/{id}',
            { path: { id: one.id }, body: { ...body, active: v.active === 'true' }, ifMatch: one.etag },
            { quiet: true },
          )
        : await act(t().admin.saving, 'post', '/v1/branches', { body }, { quiet: true });
      await read('branches');
      return done;
    },
  });
}

const branchesView = () =>
  html`<section class="panel">
    <header>
      <h2>${t().admin.branches}</h2>
      ${isAdministrator()
        ? button({ label: t().admin.addBranch, kind: 'primary', run: () => editBranch(null) })
        : nothing}
    </header>
    <div class="table-scroll">
      <table>
        <thead>
          <tr>
            <th>${t().admin.name}</th>
            <th>${t().admin.kind}</th>
            <th>${t().admin.currency}</th>
            <th>${t().admin.zone}</th>
            <th>${t().admin.region}</th>
            <th>${t().admin.active}</th>
            <th><span class="unseen">${t().actions.title}</span></th>
          </tr>
        </thead>
        <tbody>
          ${[...branches.value.values()].map(
            (one) =>
              html`<tr>
                <td><b>${one.name}</b></td>
                <td>${word(t().admin.kinds, one.kind)}</td>
                <td>${one.currency}</td>
                <td>${one.time_zone}</td>
                <td>${one.region ?? '–'}</td>
                <td>${one.active ? t().people.yes : badge(t().people.no)}</td>
                <td>${isAdministrator() ? button({ label: t().admin.edit, run: () => editBranch(one) }) : nothing}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
    ${branches.value.size ? nothing : empty(t().admin.none)}
  </section>`;

const roles = () => /** @type {Array<readonly [string, string]>} */ (Object.entries(t().roles).reverse());
const stores = () =>
  /** @type {Array<readonly [string, string]>} */ ([
    ['', '–'],
    ...[...branches.value.values()].map((one) => /** @type {const} */ ([one.id, one.name])),
  ]);

/** @param {User | null} one */
function editUser(one) {
  openForm({
    title: one?.name ?? t().admin.addUser,
    yes: t().save,
    values: {
      login: one?.login ?? '',
      name: one?.name ?? '',
      role: one?.role ?? 'dispatcher',
      branch: one?.branch ?? '',
      language: one?.language ?? language.value,
    },
    fields: () => [
      ...(one ? [] : [{ name: 'login', label: t().admin.login }]),
      { name: 'name', label: t().admin.name },
      { name: 'role', label: t().admin.role, options: roles() },
      { name: 'branch', label: t().branch, options: stores() },
      { name: 'language', label: t().admin.language, options: [...LANGUAGES] },
    ],
    send: async (v) => {
      const body = {
        name: v.name,
        role: /** @type {'dispatcher'} */ (v.role),
        branch: v.branch || null,
        language: v.language,
      };
      const done = one
        ? await act(
            t().admin.saving,
            'patch',
            '/v1/users/{id}',
            { path: { id: one.id }, body, ifMatch: one.etag },
            { quiet: true },
          )
        : await act(t().admin.saving, 'post', '/v1/users', { body: { ...body, login: v.login } }, { quiet: true });
      await read('users');
      if (done.ok && !one && v.role !== 'technician') makeLink(done.data);
      return done;
    },
  });
}

/** @param {Pick<User, 'id' | 'name' | 'has_password'>} one */
async function makeLink(one) {
  const done = await act(
    one.has_password ? t().admin.reset : t().admin.invite,
    'post',
    '/v1/users/{id}/password-link',
    { path: { id: one.id } },
    { quiet: true },
  );
  const url = done.ok ? new URL(done.data.url, location.origin).href : '';
  openDialog({
    label: t().admin.linkTitle,
    className: 'small',
    view: (close) =>
      html`<h2>${one.name}</h2>
        ${done.ok
          ? html`<p class="prose">${t().admin.linkAbout} ${t().people.until(clock(done.data.expires_at))}</p>
              <p class="secret" id="secret">${url}</p>`
          : refusal(done.problem)}
        <footer>${button({ label: t().close, run: close, first: true })}</footer>`,
  });
}

/** @param {User} one @param {boolean} active */
async function activate(one, active) {
  const run = async () => {
    await act(active ? t().admin.activate : t().admin.deactivate, 'patch', '/v1/users/{id}', {
      path: { id: one.id },
      body: { active },
      ifMatch: one.etag,
    });
    read('users');
  };
  if (active) await run();
  else
    confirm({
      title: `${t().admin.deactivate}: ${one.name}`,
      text: t().admin.deactivateAbout,
      yes: t().admin.deactivate,
      run,
    });
}

const usersView = () =>
  html`<section class="panel">
    <header>
      <h2>${t().admin.users}</h2>
      ${isAdministrator() ? button({ label: t().admin.addUser, kind: 'primary', run: () => editUser(null) }) : nothing}
    </header>
    <div class="table-scroll">
      <table>
        <thead>
          <tr>
            <th>${t().admin.name}</th>
            <th>${t().admin.login}</th>
            <th>${t().admin.role}</th>
            <th>${t().branch}</th>
            <th>${t().admin.language}</th>
            <th>${t().admin.password}</th>
            <th><span class="unseen">${t().actions.title}</span></th>
          </tr>
        </thead>
        <tbody>
          ${[...users.value.values()]
            .sort((a, b) => Number(b.active) - Number(a.active) || a.name.localeCompare(b.name))
            .map(
              (one) =>
                html`<tr>
                  <td><b>${one.name}</b> ${one.active ? nothing : badge(t().people.inactive)}</td>
                  <td>${one.login}</td>
                  <td>${word(t().roles, one.role)}</td>
                  <td>${branches.value.get(one.branch ?? '')?.name ?? '–'}</td>
                  <td>${one.language}</td>
                  <td>${one.has_password ? t().people.yes : t().people.no}</td>
                  <td>
                    ${isAdministrator()
                      ? html`<span class="row"
                          >${button({ label: t().admin.edit, run: () => editUser(one) })}${one.active &&
                          one.role !== 'technician'
                            ? button({
                                label: one.has_password ? t().admin.reset : t().admin.invite,
                                run: () => makeLink(one),
                              })
                            : nothing}${one.active
                            ? button({ label: t().admin.deactivate, run: () => activate(one, false) })
                            : button({ label: t().admin.activate, run: () => activate(one, true) })}</span
                        >`
                      : nothing}
                  </td>
                </tr>`,
            )}
        </tbody>
      </table>
    </div>
  </section>`;

const SCOPES = /** @type {Scope[]} */ ([
  'jobs:read',
  'jobs:write',
  'masters:read',
  'masters:write',
  'positions:read',
  'audit:read',
  'users:read',
  'users:write',
]);

function addToken() {
  const form = signal({ name: '', branch: '', days: '', scopes: /** @type {Scope[]} */ ([]) });
  const refused = signal(/** @type {import('../types.js').Problem | null} */ (null));
  const made = signal('');
  const set = (/** @type {Partial<typeof form.value>} */ change) => {
    form.value = { ...form.value, ...change };
  };
  const send = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const { name, branch, days, scopes } = form.value;
    const done = await act(
      t().admin.addToken,
      'post',
      '/v1/tokens',
      {
        body: {
          name,
          scopes,
          branch: branch || null,
          expires_at: Number(days) > 0 ? Math.round(now.value + Number(days) * 86_400_000) : null,
        },
      },
      { quiet: true },
    );
    if (done.ok) {
      made.value = done.data.token;
      read('tokens');
    } else refused.value = done.problem;
  };
  openDialog({
    label: t().admin.addToken,
    view: (close) =>
      made.value
        ? html`<h2>${t().admin.tokenTitle}</h2>
            <p class="prose">${t().admin.tokenAbout}</p>
            <p class="secret">${made.value}</p>
            <footer>${button({ label: t().close, run: close, first: true })}</footer>`
        : html`<h2>${t().admin.addToken}</h2>
            <form class="stack" @submit=${send}>
              ${field({
                name: 'name',
                label: t().admin.name,
                value: form.value.name,
                set: (name) => set({ name }),
                problem: refused.value,
                first: true,
              })}
              <fieldset class="stack">
                <legend>${t().admin.scopes}</legend>
                ${SCOPES.map(
                  (scope) =>
                    html`<label class="row"
                      ><input
                        type="checkbox"
                        .checked=${form.value.scopes.includes(scope)}
                        @change=${() =>
                          set({
                            scopes: form.value.scopes.includes(scope)
                              ? form.value.scopes.filter((one) => one !== scope)
                              : [...form.value.scopes, scope],
                          })}
                      /><code>${scope}</code></label
                    >`,
                )}
              </fieldset>
              ${field({
                name: 'branch',
                label: t().branch,
                value: form.value.branch,
                set: (branch) => set({ branch }),
                options: stores(),
                problem: refused.value,
              })}
              ${field({
                name: 'days',
                label: t().admin.days,
                value: form.value.days,
                set: (days) => set({ days }),
                inputmode: 'numeric',
                field: 'expires_at',
                problem: refused.value,
              })}
              ${refused.value && !['name', 'branch', 'expires_at'].includes(refused.value.field ?? '')
                ? refusal(refused.value)
                : nothing}
              <footer>
                ${button({ label: t().admin.addToken, kind: 'primary', submits: true, run: () => {} })}${button({
                  label: t().back,
                  run: close,
                })}
              </footer>
            </form>`,
  });
}

const tokensView = () =>
  html`<section class="panel">
    <header>
      <h2>${t().admin.tokens}</h2>
      ${button({ label: t().admin.addToken, kind: 'primary', run: addToken })}
    </header>
    ${tokens.value === null
      ? loading()
      : html`<div class="table-scroll">
            <table>
              <thead>
                <tr>
                  <th>${t().admin.name}</th>
                  <th>${t().admin.scopes}</th>
                  <th>${t().branch}</th>
                  <th>${t().admin.expires}</th>
                  <th>${t().admin.lastUsed}</th>
                  <th><span class="unseen">${t().actions.title}</span></th>
                </tr>
              </thead>
              <tbody>
                ${tokens.value.map(
                  (one) =>
                    html`<tr>
                      <td><b>${one.name}</b></td>
                      <td>${one.scopes.map((scope) => html`<code>${scope}</code> `)}</td>
                      <td>${branches.value.get(one.branch ?? '')?.name ?? '–'}</td>
                      <td>
                        ${one.revoked_at
                          ? badge(`${t().admin.revoked} ${date(one.revoked_at)}`)
                          : one.expires_at
                            ? date(one.expires_at)
                            : t().admin.neverEnds}
                      </td>
                      <td class="muted">${one.last_used_at ? clock(one.last_used_at) : t().admin.never}</td>
                      <td>
                        ${one.revoked_at
                          ? nothing
                          : button({
                              label: t().admin.revoke,
                              run: () =>
                                confirm({
                                  title: `${t().admin.revoke}: ${one.name}`,
                                  text: '',
                                  yes: t().admin.revoke,
                                  run: async () => {
                                    await act(t().admin.revoke, 'post', '/v1/tokens/{id}/revoke', {
                                      path: { id: one.id },
                                    });
                                    read('tokens');
                                  },
                                }),
                            })}
                      </td>
                    </tr>`,
                )}
              </tbody>
            </table>
          </div>
          ${tokens.value.length ? nothing : empty(t().admin.none)}`}
  </section>`;

/** @typedef {import('../types.js').Schemas['ImportReport']} Report */
const file = signal(/** @type {File | null} */ (null));
const report = signal(/** @type {Report | null} */ (null));
const importProblem = signal(/** @type {import('../types.js').Problem | null} */ (null));
const isImporting = signal(false);

/** @param {boolean} dry */
async function importFile(dry) {
  if (!file.value) return;
  isImporting.value = true;
  importProblem.value = null;
  try {
    const { data } = await call('post', '/v1/import/{kind}', {
      path: { kind: 'parts' },
      query: { dry_run: dry },
      body: /** @type {any} */ (file.value),
      type: 'text/csv',
    });
    report.value = data;
    if (!dry) await read('parts');
  } catch (error) {
    if (error instanceof Refused) importProblem.value = error.problem;
    else throw error;
  }
  isImporting.value = false;
}

function reportView() {
  const one = report.value;
  if (!one) return nothing;
  const rows = one.rows.filter((row) => row.issues.length || row.status !== 'unchanged').slice(0, 200);
  return html`<div role="status">
    <p>
      <b>${t().admin.counts(/** @type {any} */ (one.counts))}</b> ${one.dry_run
        ? html`<span class="muted">${t().admin.nowRun}</span>`
        : nothing}
    </p>
    ${one.unknown_columns.length
      ? html`<p class="muted">${t().admin.unknownColumns}: ${one.unknown_columns.join(', ')}</p>`
      : nothing}${one.problem ? html`<p class="finding" lang="en">${icon('soon')}${one.problem}</p>` : nothing}
    ${rows.length
      ? html`<div class="table-scroll">
          <table>
            <thead>
              <tr>
                <th class="num">${t().admin.row}</th>
                <th>${t().admin.partNo}</th>
                <th>${t().admin.status}</th>
                <th>${t().admin.issues}</th>
              </tr>
            </thead>
            <tbody>
              ${rows.map(
                (row) =>
                  html`<tr>
                    <td class="num">${row.row}</td>
                    <td>${row.key ?? '–'}</td>
                    <td>
                      ${row.status === 'refused'
                        ? badge(word(t().admin.statuses, row.status), 'attention', 'no')
                        : word(t().admin.statuses, row.status)}
                    </td>
                    <td lang="en">
                      ${row.issues.map(
                        (issue) =>
                          html`<div>${[issue.column, issue.value].filter(Boolean).join(': ')} ${issue.detail}</div>`,
                      )}
                    </td>
                  </tr>`,
              )}
            </tbody>
          </table>
        </div>`
      : nothing}
  </div>`;
}

const partsView = () =>
  html`<section class="panel">
      <header><h2>${t().admin.importTitle}</h2></header>
      <div class="body stack">
        <p class="prose">${t().admin.importAbout}</p>
        <div class="row">
          <label class="button file"
            >${t().admin.choose}<input
              type="file"
              class="unseen"
              aria-label=${t().admin.file}
              accept=".csv,text/csv"
              @change=${(/** @type {Event} */ event) => {
                file.value = /** @type {HTMLInputElement} */ (event.target).files?.[0] ?? null;
                report.value = null;
                importProblem.value = null;
              }} /></label
          ><span class="muted">${file.value?.name ?? t().admin.noFile}</span> ${button({
            label: t().admin.check,
            kind: report.value ? undefined : 'primary',
            disabled: !file.value || isImporting.value,
            run: () => {
              importFile(true);
            },
          })}${button({
            label: t().admin.run,
            kind: report.value?.dry_run ? 'primary' : undefined,
            disabled: !report.value?.dry_run || isImporting.value,
            run: () => {
              importFile(false);
            },
          })}
        </div>
        ${refusal(importProblem.value)}${reportView()}
      </div>
    </section>
    <section class="panel spaced">
      <header><h2>${t().admin.parts}</h2></header>
      ${parts.value === null
        ? loading()
        : html`<div class="table-scroll">
              <table>
                <thead>
                  <tr>
                    <th>${t().admin.partNo}</th>
                    <th>${t().admin.description}</th>
                    <th>${t().admin.unit}</th>
                    <th class="num">${t().admin.price}</th>
                    <th class="num">${t().admin.tax}</th>
                  </tr>
                </thead>
                <tbody>
                  ${parts.value.map(
                    (one) =>
                      html`<tr>
                        <td><b>${one.part_no}</b> ${one.active ? nothing : badge(t().people.inactive)}</td>
                        <td>${one.description}</td>
                        <td>${one.unit}</td>
                        <td class="num">${amount(one.unit_price, one.currency)}</td>
                        <td class="num">${percent(one.tax_millipercent ?? 0)}</td>
                      </tr>`,
                  )}
                </tbody>
              </table>
            </div>
            ${parts.value.length ? nothing : empty(t().admin.none)}`}
    </section>`;

/** What something was done to, by the name people know. @param {string} id */
function objectView(id) {
  const job = jobs.value.get(id);
  if (job) return html`<a href=${href('job', id)}>${job.number ?? id}</a>`;
  return personName(id) || branches.value.get(id)?.name || html`<code>${id}</code>`;
}

/** @param {unknown} detail */
function detailText(detail) {
  if (!detail || typeof detail !== 'object') return '';
  return Object.entries(detail)
    .filter(([, value]) => value !== null && value !== false)
    .map(([name, value]) => {
      const text =
        typeof value === 'string'
          ? personName(value) || value
          : typeof value === 'number' && value > 1e12
            ? moment(value)
            : JSON.stringify(value);
      return `${name}: ${text}`;
    })
    .join(' · ');
}

function auditView() {
  const words = filter.value.text.toLowerCase();
  const rows = (audit.value?.rows ?? []).filter((row) =>
    [personName(row.user), row.action, row.object, JSON.stringify(row.detail)].join(' ').toLowerCase().includes(words),
  );
  return html`<section class="panel">
    <header><h2>${t().admin.audit}</h2></header>
    <form
      class="body send-options"
      @submit=${(/** @type {Event} */ event) => {
        event.preventDefault();
        read('audit');
      }}
    >
      ${field({
        name: 'text',
        label: t().admin.filterWhat,
        value: filter.value.text,
        set: (text) => {
          filter.value = { ...filter.value, text };
        },
      })}${field({
        name: 'object',
        label: t().admin.filterObject,
        value: filter.value.object,
        set: (object) => {
          filter.value = { ...filter.value, object };
        },
        problem: problem.value,
      })}${button({ label: t().reload, submits: true, run: () => {} })}
    </form>
    ${audit.value === null
      ? loading()
      : html`<div class="table-scroll">
            <table>
              <thead>
                <tr>
                  <th>${t().admin.when}</th>
                  <th>${t().admin.who}</th>
                  <th>${t().admin.what}</th>
                  <th>${t().admin.object}</th>
                  <th>${t().admin.detail}</th>
                </tr>
              </thead>
              <tbody>
                ${rows.map(
                  (row) =>
                    html`<tr>
                      <td class="muted">${moment(row.at)}</td>
                      <td>${personName(row.user) || '–'}</td>
                      <td>${row.action}</td>
                      <td>${objectView(row.object)}</td>
                      <td class="muted">${detailText(row.detail)}</td>
                    </tr>`,
                )}
              </tbody>
            </table>
          </div>
          ${rows.length ? nothing : empty(t().admin.none)}${audit.value.next
            ? html`<div class="body">
                ${button({
                  label: t().admin.more,
                  run: () => {
                    readAudit(true);
                  },
                })}
              </div>`
            : nothing}`}
  </section>`;
}

function editBilling() {
  const now = billing.value;
  if (!now) return;
  openForm({
    title: t().admin.billing,
    yes: t().save,
    values: { currency: now.data.currency ?? '', tax_mode: now.data.tax_mode },
    fields: () => [
      { name: 'currency', label: t().admin.currency, list: CURRENCIES },
      { name: 'tax_mode', label: t().admin.taxMode, options: Object.entries(t().admin.taxModes) },
    ],
    send: async (v) => {
      const done = await act(
        t().admin.saving,
        'patch',
        '/v1/billing',
        {
          body: {
            currency: v.currency.trim().toUpperCase() || null,
            tax_mode: /** @type {'inclusive'} */ (v.tax_mode),
          },
          ifMatch: now.etag ?? '',
        },
        { quiet: true },
      );
      await read('billing');
      return done;
    },
  });
}

const billingView = () =>
  html`<section class="panel">
    <header>
      <h2>${t().admin.billing}</h2>
      ${isAdministrator() ? button({ label: t().admin.edit, run: editBilling }) : nothing}
    </header>
    ${billing.value
      ? html`<dl class="facts-list">
          <dt>${t().admin.currency}</dt>
          <dd class="body">${billing.value.data.currency ?? '–'}</dd>
          <dt>${t().admin.taxMode}</dt>
          <dd class="body">${word(t().admin.taxModes, billing.value.data.tax_mode)}</dd>
        </dl>`
      : loading()}
  </section>`;

const VIEWS = {
  branches: branchesView,
  users: usersView,
  tokens: tokensView,
  parts: partsView,
  audit: auditView,
  billing: billingView,
};

export const view = () =>
  html`<div class="page">
    <h1 class="unseen">${t().nav.admin}</h1>
    ${tabs(
      t().nav.admin,
      names().map((name) => /** @type {const} */ ([name, t().admin[name]])),
      tab.value,
      (name) => choose(/** @type {Tab} */ (name)),
    )}${problem.value && tab.value !== 'audit' ? refusal(problem.value) : nothing}${VIEWS[tab.value]()}
  </div>`;

/** @returns {import('../lib/keys.js').Key[]} */
export const keys = () => [
  ...names().map((name, at) => ({ code: `Digit${at + 1}`, label: t().admin[name], run: () => choose(name) })),
  { code: 'Escape', label: t().nav.board, run: () => go('board') },
];

export function open() {
  read(tab.value);
}
