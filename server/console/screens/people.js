// Technicians, vans and phones: who works when with what.
import { signal } from '../vendor/signals-core/signals-core.js';
import { html, nothing, svg } from '../vendor/lit-html/lit-html.js';
import { act } from '../lib/actions.js';
import { clock, date, rawTime, span, t, word } from '../lib/i18n.js';
import { go } from '../lib/router.js';
import { branches, devices, isOver, jobs, lastHeard, me, now, technicians, zoneOf } from '../lib/store.js';
import { badge, button, empty, finding, tabs } from '../lib/ui.js';
import { openForm } from './job_dialogs.js';
import { asTyped } from './job_fields.js';
import * as phones from './phones.js';
import { refreshPeople } from './shell.js';
import * as vans from './vans.js';

/** @typedef {import('../types.js').Technician} Technician */

const tab = signal(/** @type {'technicians' | 'vans' | 'phones'} */ ('technicians'));
const chosen = signal('');
const isManager = () => me.value?.role === 'manager' || me.value?.role === 'administrator';
const DAY = 24 * 3600_000;

/** Midnight of a day in a time zone, as Unix milliseconds. @param {number} at @param {string | undefined} zone */
export function midnight(at, zone) {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  }).formatToParts(at);
  const part = (/** @type {string} */ type) => Number(parts.find((one) => one.type === type)?.value ?? 0);
  return at - (part('hour') * 3600 + part('minute') * 60 + part('second')) * 1000 - (at % 1000);
}

/** Today's shifts and absences as a bar from midnight to midnight. @param {Technician} one */
function shiftBar(one) {
  const from = midnight(now.value, zoneOf(one.branch));
  const x = (/** @type {number} */ at) => Math.max(0, Math.min(180, ((at - from) / DAY) * 180));
  const today = one.shifts.filter((shift) => shift.ends_at > from && shift.starts_at < from + DAY);
  const said = today.map((shift) => {
    const what = shift.kind === 'absence' ? t().people.absence : t().people.shift;
    return `${what} ${clock(shift.starts_at, one.branch)}–${clock(shift.ends_at, one.branch)}`;
  });
  const text = said.join(', ');
  return html`<svg class="shift-bar" viewBox="0 0 180 16" role="img" aria-label=${text || t().people.noShifts}>
    <rect class="ground" x="0.5" y="0.5" width="179" height="15" rx="2" />
    ${today.map((shift) => {
      const [left, width] = [x(shift.starts_at), Math.max(1, x(shift.ends_at) - x(shift.starts_at))];
      const kind = shift.kind === 'absence' ? 'away' : 'work';
      return svg`<rect class=${kind} x=${left} y="3" width=${width} height="10" rx="1.5"/>`;
    })}${svg`<line class="now" x1=${x(now.value)} x2=${x(now.value)} y1="0" y2="16"/>`}
  </svg>`;
}

/** @param {Technician} one */
function skill(one) {
  return one.certificates.map((it) => {
    const isExpired = Boolean(it.expires_at && it.expires_at < now.value);
    const isSoon = Boolean(it.expires_at && !isExpired && it.expires_at < now.value + 30 * DAY);
    const until = isExpired ? t().people.expired : isSoon ? date(it.expires_at ?? 0) : '';
    const text = [word(t().skillWords, it.skill), until].filter(Boolean).join(' · ');
    return badge(text, until ? 'attention' : '');
  });
}

const openJobs = (/** @type {string} */ id) =>
  [...jobs.value.values()].filter((job) => job.technician === id && !isOver(job.state));

function list() {
  const all = [...technicians.value.values()].sort(
    (a, b) =>
      Number(b.active) - Number(a.active) || Number(b.on_shift) - Number(a.on_shift) || a.name.localeCompare(b.name),
  );
  return html`<div class="split">
    <section class="panel">
      <div class="table-scroll">
        <table>
          <thead>
            <tr>
              <th>${t().people.name}</th>
              <th>${t().people.today}</th>
              <th>${t().people.skills}</th>
              <th class="num">${t().people.jobs}</th>
              <th>${t().people.heard}</th>
            </tr>
          </thead>
          <tbody>
            ${all.map((one) => {
              const heard = lastHeard.value.get(one.id);
              return html`<tr class=${one.id === chosen.value ? 'is-selected' : ''}>
                <td>
                  <button
                    type="button"
                    class="editable"
                    aria-pressed=${String(one.id === chosen.value)}
                    @click=${() => {
                      chosen.value = one.id;
                    }}
                  >
                    <b>${one.name}</b></button
                  ><span class="muted"
                    >${[one.provider, branches.value.get(one.branch ?? '')?.name].filter(Boolean).join(' · ')}</span
                  >
                </td>
                <td>
                  ${shiftBar(one)}<span class="muted"
                    >${one.active ? t().people.duty[one.duty] : t().people.inactive}</span
                  >
                </td>
                <td><span class="row">${skill(one)}</span></td>
                <td class="num">${openJobs(one.id).length}</td>
                <td class="muted">${heard ? t().board.heard(span(now.value - heard)) : t().board.neverHeard}</td>
              </tr>`;
            })}
          </tbody>
        </table>
      </div>
      ${all.length ? nothing : empty(t().people.none)}
    </section>
    ${detail(technicians.value.get(chosen.value))}
  </div>`;
}

/** @param {Technician | undefined} one */
function detail(one) {
  if (!one) return html`<aside class="panel detail">${empty(t().people.choose)}</aside>`;
  const ahead = one.shifts.filter((shift) => shift.ends_at > now.value).sort((a, b) => a.starts_at - b.starts_at);
  const own = [...devices.value.values()].filter((device) => device.user === one.id && device.state !== 'revoked');
  return html`<aside class="panel detail" aria-label=${one.name}>
    <header>
      <h2>${one.name}</h2>
      ${isManager() ? button({ label: t().admin.edit, run: () => edit(one) }) : nothing}
    </header>
    <dl class="facts-list">
      <dt>${t().people.phone}</dt>
      <dd class="body">${one.phone ?? '–'}${one.findings.map(finding)}</dd>
      <dt>${t().people.provider}</dt>
      <dd class="body">${one.provider ?? '–'}</dd>
      <dt>${t().branch}</dt>
      <dd class="body">${branches.value.get(one.branch ?? '')?.name ?? '–'}</dd>
      <dt>${t().people.phones}</dt>
      <dd class="body">
        ${own.length
          ? own.map((it) => html`<div>${it.name || '–'} ${badge(t().people.deviceStates[it.state])}</div>`)
          : t().people.none}
      </dd>
      <dt>${t().people.jobs}</dt>
      <dd class="body">
        ${openJobs(one.id).map(
          (job) =>
            html`<div><a href="#/job/${job.id}">${job.number ?? t().board.noNumber}</a> ${t().states[job.state]}</div>`,
        )}
      </dd>
    </dl>
    <header>
      <h3>${t().people.shifts}</h3>
      ${button({ label: t().people.addShift, key: 'KeyS', run: () => addShift(one, false) })}${button({
        label: t().people.addAbsence,
        run: () => addShift(one, true),
      })}
    </header>
    ${ahead.length
      ? html`<ol class="notes">
          ${ahead.map(
            (it) =>
              html`<li>
                ${it.kind === 'absence' ? t().people.absence : t().people.shift}<span
                  class="by"
                  title=${[rawTime(it.starts_at), rawTime(it.ends_at)].filter(Boolean).join(' – ') || nothing}
                  >${date(it.starts_at, one.branch)} ${clock(it.starts_at, one.branch)} –
                  ${clock(it.ends_at, one.branch)}</span
                >
              </li>`,
          )}
        </ol>`
      : empty(t().people.noShifts)}
    <header>
      <h3>${t().people.certificates}</h3>
      ${isManager() ? button({ label: t().people.addCertificate, run: () => addCertificate(one) }) : nothing}
    </header>
    ${one.certificates.length
      ? html`<ol class="notes">
          ${one.certificates.map(
            (it) =>
              html`<li>
                ${word(t().skillWords, it.skill)}<span class="by"
                  >${[it.serial, it.expires_at ? `${t().people.expires} ${date(it.expires_at)}` : '']
                    .filter(Boolean)
                    .join(' · ')}</span
                >
              </li>`,
          )}
        </ol>`
      : empty(t().people.noCertificates)}
  </aside>`;
}

/**
 * A time of a day in the branch's time zone.
 * @param {string} day
 * @param {string} time
 * @param {string | undefined} zone
 */
export function timeOn(day, time, zone) {
  const noon = Date.parse(`${day}T12:00:00Z`);
  const clock = /^(\d{1,2}):(\d{2})$/.exec(time);
  if (!Number.isFinite(noon) || !clock) return null;
  return midnight(noon, zone) + (Number(clock[1]) * 60 + Number(clock[2])) * 60_000;
}

/** @param {Technician} one @param {boolean} absence */
function addShift(one, absence) {
  const today = new Intl.DateTimeFormat('sv-SE', { timeZone: zoneOf(one.branch) }).format(now.value);
  openForm({
    title: `${absence ? t().people.addAbsence : t().people.addShift}: ${one.name}`,
    values: { day: today, starts_at: '08:00', ends_at: '17:00' },
    yes: t().admin.add,
    fields: () => [
      { name: 'day', label: t().people.day, type: 'date' },
      { name: 'starts_at', label: t().people.from, type: 'time' },
      { name: 'ends_at', label: t().people.to, type: 'time' },
    ],
    send: async ({ day, starts_at, ends_at }) => {
      const zone = zoneOf(one.branch);
      const [from, to] = [timeOn(day, starts_at, zone), timeOn(day, ends_at, zone)];
      const until = from !== null && to !== null && to <= from ? to + DAY : to;
      const done = await act(
        t().people.saving,
        'post',
        '/v1/technicians/{id}/shifts',
        {
          path: { id: one.id },
          body: { absence, starts_at: from ?? asTyped(starts_at), ends_at: until ?? asTyped(ends_at) },
        },
        { quiet: true },
      );
      if (done.ok) await refreshPeople();
      return done;
    },
  });
}

/** @param {Technician} one */
function addCertificate(one) {
  openForm({
    title: `${t().people.addCertificate}: ${one.name}`,
    values: { skill: '', serial: '', expires_at: '' },
    yes: t().admin.add,
    fields: () => [
      { name: 'skill', label: t().people.skill, list: Object.keys(t().skillWords) },
      { name: 'serial', label: t().people.serial },
      { name: 'expires_at', label: t().people.expires, type: 'date' },
    ],
    send: async ({ skill, serial, expires_at }) => {
      const until = expires_at ? timeOn(expires_at, '23:59', zoneOf(one.branch)) : null;
      const done = await act(
        t().people.saving,
        'post',
        '/v1/technicians/{id}/certificates',
        { path: { id: one.id }, body: { skill, serial: serial || null, expires_at: until } },
        { quiet: true },
      );
      if (done.ok) await refreshPeople();
      return done;
    },
  });
}

/** @param {Technician} one */
function edit(one) {
  openForm({
    title: one.name,
    values: { name: one.name, phone: one.phone ?? '', provider: one.provider ?? '', branch: one.branch ?? '' },
    yes: t().save,
    fields: () => [
      { name: 'name', label: t().people.name },
      { name: 'phone', label: t().people.phone },
      { name: 'provider', label: t().people.provider },
      {
        name: 'branch',
        label: t().branch,
        options: [['', '–'], ...[...branches.value.values()].map((it) => /** @type {const} */ ([it.id, it.name]))],
      },
    ],
    send: async ({ name, phone, provider, branch }) => {
      const done = await act(
        t().people.saving,
        'patch',
        '/v1/technicians/{id}',
        {
          path: { id: one.id },
          body: { name, phone: phone || null, provider: provider || null, branch: branch || null },
          ifMatch: one.etag,
        },
        { quiet: true },
      );
      await refreshPeople();
      return done;
    },
  });
}

/** @param {typeof tab.value} name */
const choose = (name) => {
  tab.value = name;
};

export const view = () =>
  html`<div class="page">
    <h1 class="unseen">${t().nav.people}</h1>
    ${tabs(
      t().nav.people,
      [
        ['technicians', t().people.technicians],
        ['vans', t().people.vans],
        ['phones', t().people.phones],
      ],
      tab.value,
      (name) => choose(/** @type {any} */ (name)),
    )}
    ${tab.value === 'technicians' ? list() : tab.value === 'vans' ? vans.view() : phones.view()}
  </div>`;

/** @returns {import('../lib/keys.js').Key[]} */
export const keys = () => [
  { code: 'Digit1', label: t().people.technicians, run: () => choose('technicians') },
  { code: 'Digit2', label: t().people.vans, run: () => choose('vans') },
  { code: 'Digit3', label: t().people.phones, run: () => choose('phones') },
  ...(tab.value === 'technicians'
    ? [
        {
          code: 'KeyS',
          label: t().people.addShift,
          run: () => {
            const one = technicians.value.get(chosen.value);
            if (one) addShift(one, false);
          },
        },
      ]
    : []),
  ...(tab.value === 'phones' ? [{ code: 'KeyQ', label: t().people.enrol, run: phones.enrol }] : []),
  { code: 'Escape', label: t().nav.board, run: () => go('board') },
];

/** @param {string} id */
export function open(id) {
  if (technicians.value.has(id)) {
    tab.value = 'technicians';
    chosen.value = id;
  }
}
