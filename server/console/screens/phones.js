// Phones: enrolled with a code and six digits that two people compare, and revoked.
import { signal } from '../vendor/signals-core/signals-core.js';
import { html, nothing, svg } from '../vendor/lit-html/lit-html.js';
import { act } from '../lib/actions.js';
import { clock, t } from '../lib/i18n.js';
import { path, qr } from '../lib/qr.js';
import { devices, me, personName, technicians } from '../lib/store.js';
import { badge, button, confirm, empty, field, openDialog, refusal } from '../lib/ui.js';
import { refreshPeople } from './shell.js';

/** @typedef {import('../types.js').Device} Device */
/** @typedef {import('../types.js').Problem} Problem */

const ORDER = ['pending', 'active', 'revoked'];

export function view() {
  const all = [...devices.value.values()].sort(
    (a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state) || b.created_at - a.created_at,
  );
  return html`<section class="panel">
    <header>
      <h2>${t().people.phones}</h2>
      ${button({ label: t().people.enrol, key: 'KeyQ', kind: 'primary', run: enrol })}
    </header>
    <div class="table-scroll">
      <table>
        <thead>
          <tr>
            <th>${t().technician}</th>
            <th>${t().people.phones}</th>
            <th>${t().people.app}</th>
            <th>${t().people.state}</th>
            <th>${t().people.enrolled}</th>
            <th>${t().people.seen}</th>
            <th><span class="unseen">${t().actions.title}</span></th>
          </tr>
        </thead>
        <tbody>
          ${all.map(
            (one) =>
              html`<tr>
                <td><b>${personName(one.user)}</b></td>
                <td>${one.name || '–'}</td>
                <td>${one.app_version || '–'}</td>
                <td>
                  ${badge(
                    t().people.deviceStates[one.state],
                    one.state === 'pending' ? 'attention' : '',
                    one.state === 'pending' ? 'decide' : undefined,
                  )}${one.held_at ? badge(t().people.held, 'attention', 'decide') : nothing}
                </td>
                <td class="muted">${clock(one.created_at)}</td>
                <td class="muted">${one.seen_at ? clock(one.seen_at) : t().people.never}</td>
                <td>
                  <span class="row"
                    >${one.state === 'pending'
                      ? button({ label: t().people.confirmDigits, run: () => compare(one.id) })
                      : nothing}${one.held_at && me.value?.role === 'administrator'
                      ? button({ label: t().people.release, run: () => release(one) })
                      : nothing}${one.state === 'revoked'
                      ? nothing
                      : button({ label: t().people.revoke, run: () => revoke(one) })}</span
                  >
                </td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
    ${all.length ? nothing : empty(t().people.none)}
  </section>`;
}

/** @param {Device} one */
function revoke(one) {
  confirm({
    title: t().people.revokeOf(`${personName(one.user)} · ${one.name}`),
    text: t().people.revokeAbout,
    yes: t().people.revoke,
    run: async () => {
      await act(t().people.revoke, 'post', '/v1/devices/{id}/revoke', { path: { id: one.id } });
      refreshPeople();
    },
  });
}

/** @param {Device} one */
async function release(one) {
  await act(t().people.release, 'post', '/v1/devices/{id}/release', { path: { id: one.id } });
  refreshPeople();
}

/** The digits that the phone shows, as a form. @param {string} id @param {() => void} done */
function digitsForm(id, done) {
  const digits = signal('');
  const problem = signal(/** @type {Problem | null} */ (null));
  const send = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const answer = await act(
      t().people.confirmDigits,
      'post',
      '/v1/devices/{id}/confirm',
      { path: { id }, body: { digits: digits.value } },
      { quiet: true },
    );
    await refreshPeople();
    if (answer.ok) done();
    else problem.value = answer.problem;
  };
  return () =>
    html`<form class="stack" @submit=${send}>
      <p class="prose">${t().people.digitsAbout}</p>
      ${field({
        name: 'digits',
        label: t().people.digits,
        value: digits.value,
        inputmode: 'numeric',
        set: (text) => {
          digits.value = text;
        },
        problem: problem.value && { ...problem.value, field: 'digits' },
        first: true,
      })}${button({ label: t().people.confirm, kind: 'primary', submits: true, run: () => {} })}
    </form>`;
}

/** @param {string} id */
function compare(id) {
  let close = () => {};
  const form = digitsForm(id, () => close());
  close = openDialog({
    label: t().people.confirmDigits,
    className: 'small',
    view: (close) =>
      html`<h2>${personName(devices.value.get(id)?.user)}</h2>
        ${form()}
        <footer>${button({ label: t().close, run: close })}</footer>`,
  });
}

/** A code for a technician, then the digits of the phone that used it. */
export function enrol() {
  const user = signal('');
  const code = signal(/** @type {import('../types.js').Schemas['CodeShown'] | null} */ (null));
  const problem = signal(/** @type {Problem | null} */ (null));
  const found = signal(/** @type {string | null} */ (null));
  const isReady = signal(false);
  let form = () => /** @type {unknown} */ (nothing);
  let known = new Set(devices.value.keys());
  const make = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const done = await act(
      t().people.makeCode,
      'post',
      '/v1/devices/codes',
      { body: { user: user.value } },
      { quiet: true },
    );
    problem.value = done.ok ? null : done.problem;
    if (!done.ok) return;
    known = new Set(devices.value.keys());
    code.value = done.data;
  };
  const look = setInterval(async () => {
    if (!code.value || found.value) return;
    await refreshPeople().catch(() => {});
    const fresh = [...devices.value.values()].find(
      (one) => one.user === user.value && one.state === 'pending' && !known.has(one.id),
    );
    if (!fresh) return;
    form = digitsForm(fresh.id, () => {
      isReady.value = true;
    });
    found.value = fresh.id;
  }, 2000);
  const people = [...technicians.value.values()]
    .filter((one) => one.active)
    .sort((a, b) => a.name.localeCompare(b.name));
  openDialog({
    label: t().people.enrol,
    closed: () => clearInterval(look),
    view: (close) => {
      const made = code.value;
      const rows = made && qr(made.qr);
      let body;
      if (isReady.value) body = html`<p role="status">${t().people.phoneReady}</p>`;
      else if (found.value)
        body = html`<p><b>${devices.value.get(found.value)?.name ?? ''}</b></p>
          ${form()}`;
      else if (made)
        body = html`<div class="enrol">
          ${rows
            ? html`<svg
                class="qr"
                viewBox="-2 -2 ${rows.length + 4} ${rows.length + 4}"
                role="img"
                aria-label=${t().people.scan}
                shape-rendering="crispEdges"
              >
                ${svg`<path d=${path(rows)} />`}
              </svg>`
            : nothing}
          <div class="stack">
            <p>${t().people.scan}</p>
            <p>${t().people.type}</p>
            <p class="code">${made.code}</p>
            <p class="muted">${t().people.until(clock(made.expires_at))}</p>
            ${made.warning ? html`<p class="finding" lang="en">${made.warning}</p>` : nothing}
            <p role="status" class="muted">${t().people.waitsForPhone}</p>
          </div>
        </div>`;
      else
        body = html`<form class="stack" @submit=${make}>
          ${field({
            name: 'user',
            label: t().people.forWhom,
            value: user.value,
            set: (id) => {
              user.value = id;
            },
            options: [['', '–'], ...people.map((one) => /** @type {const} */ ([one.id, one.name]))],
            problem: problem.value,
            first: true,
          })}${problem.value && problem.value.field !== 'user' ? refusal(problem.value) : nothing}${button({
            label: t().people.makeCode,
            kind: 'primary',
            submits: true,
            disabled: !user.value,
            run: () => {},
          })}
        </form>`;
      return html`<h2>${t().people.enrol}</h2>
        ${body}
        <footer>${button({ label: t().close, run: close })}</footer>`;
    },
  });
}
