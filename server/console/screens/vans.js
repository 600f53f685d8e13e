// Vans with their stock: moved and counted.
import { signal } from '../vendor/signals-core/signals-core.js';
import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { act } from '../lib/actions.js';
import { clock, quantity, t } from '../lib/i18n.js';
import { branches, me, personName, technicians, vans } from '../lib/store.js';
import { badge, button, empty, finding } from '../lib/ui.js';
import { openForm } from './job_dialogs.js';
import { asTyped } from './job_fields.js';
import { refreshVans } from './shell.js';

/** @typedef {import('../types.js').Van} Van */

const chosen = signal('');
const isManager = () => me.value?.role === 'manager' || me.value?.role === 'administrator';

/** Thousandths, as a person types a quantity. @param {string} text */
const thousandths = (text) =>
  Number.isFinite(Number(text)) && text.trim() ? Math.round(Number(text) * 1000) : asTyped(text);
const people = () =>
  /** @type {Array<readonly [string, string]>} */ ([
    ['', '–'],
    ...[...technicians.value.values()]
      .filter((one) => one.active)
      .map((one) => /** @type {const} */ ([one.id, one.name])),
  ]);
const stores = () =>
  /** @type {Array<readonly [string, string]>} */ ([
    ['', '–'],
    ...[...branches.value.values()].map((one) => /** @type {const} */ ([one.id, one.name])),
  ]);
const names = (/** @type {string} */ text) =>
  text
    .split(/[,，、]/)
    .map((one) => one.trim())
    .filter(Boolean);

export function view() {
  const all = [...vans.value.values()].sort(
    (a, b) => Number(b.active) - Number(a.active) || (a.name ?? '').localeCompare(b.name ?? ''),
  );
  return html`<div class="split">
    <section class="panel">
      <header>
        <h2>${t().people.vans}</h2>
        ${isManager() ? button({ label: t().people.addVan, run: () => edit(null) }) : nothing}
      </header>
      <div class="table-scroll">
        <table>
          <thead>
            <tr>
              <th>${t().admin.name}</th>
              <th>${t().people.plate}</th>
              <th>${t().people.driver}</th>
              <th>${t().people.equipment}</th>
              <th class="num">${t().people.lines}</th>
              <th><span class="unseen">${t().people.state}</span></th>
            </tr>
          </thead>
          <tbody>
            ${all.map(
              (one) =>
                html`<tr class=${one.id === chosen.value ? 'is-selected' : ''}>
                  <td>
                    <button
                      type="button"
                      class="editable"
                      aria-pressed=${String(one.id === chosen.value)}
                      @click=${() => {
                        chosen.value = one.id;
                      }}
                    >
                      <b>${one.name ?? '–'}</b>
                    </button>
                  </td>
                  <td>${one.plate ?? '–'}</td>
                  <td>${personName(one.technician) || '–'}</td>
                  <td>${one.equipment.join(', ')}</td>
                  <td class="num">${one.more?.lines?.count ?? one.stock.lines.length}</td>
                  <td>
                    ${one.stock.lines.some((line) => line.oversold)
                      ? badge(t().people.oversold, 'attention', 'decide')
                      : nothing}${one.active ? nothing : badge(t().people.inactive)}
                  </td>
                </tr>`,
            )}
          </tbody>
        </table>
      </div>
      ${all.length ? nothing : empty(t().people.none)}
    </section>
    ${detail(vans.value.get(chosen.value))}
  </div>`;
}

/** @param {Van | undefined} one */
function detail(one) {
  if (!one) return html`<aside class="panel detail">${empty(t().people.choose)}</aside>`;
  return html`<aside class="panel detail" aria-label=${one.name ?? ''}>
    <header>
      <h2>${one.name}</h2>
      ${button({ label: t().admin.edit, run: () => edit(one) })}
    </header>
    ${one.findings.map((it) => html`<p class="body">${finding(it)}</p>`)}
    <header>
      <h3>${t().people.stock}</h3>
      ${isManager()
        ? html`${button({ label: t().people.load, run: () => move(one) })}${button({
            label: t().people.count,
            run: () => count(one),
          })}`
        : nothing}
    </header>
    ${one.stock.lines.length
      ? html`<table class="lines">
          <thead>
            <tr>
              <th>${t().people.part}</th>
              <th>${t().people.bin}</th>
              <th class="num">${t().people.quantity}</th>
              <th>${t().people.counted}</th>
            </tr>
          </thead>
          <tbody>
            ${one.stock.lines.map(
              (line) =>
                html`<tr>
                  <td>${line.part_no}</td>
                  <td>${line.bin}</td>
                  <td class="num">
                    ${quantity(line.quantity)}${line.oversold
                      ? html` ${badge(t().people.oversold, 'attention', 'decide')}`
                      : nothing}
                  </td>
                  <td class="muted">${line.counted_at ? clock(line.counted_at, one.branch) : t().people.never}</td>
                </tr>`,
            )}
          </tbody>
        </table>`
      : empty(t().people.noStock)}
    ${one.stock.late_counts?.length
      ? html`<p class="body muted">
          ${t().people.lateCounts}:
          ${one.stock.late_counts.map((it) => `${it.part_no} ${quantity(it.quantity)}`).join(', ')}
        </p>`
      : nothing}
  </aside>`;
}

/** @param {Van | null} one */
function edit(one) {
  const values = {
    name: one?.name ?? '',
    plate: one?.plate ?? '',
    technician: one?.technician ?? '',
    branch: one?.branch ?? '',
    equipment: one?.equipment.join(', ') ?? '',
    active: String(one?.active ?? true),
  };
  openForm({
    title: one?.name ?? t().people.addVan,
    values,
    yes: t().save,
    fields: () => [
      ...(isManager()
        ? [
            { name: 'name', label: t().admin.name },
            { name: 'plate', label: t().people.plate },
          ]
        : []),
      { name: 'technician', label: t().people.driver, options: people() },
      ...(isManager()
        ? [
            { name: 'branch', label: t().branch, options: stores() },
            { name: 'equipment', label: t().people.equipment, hint: t().intake.commas },
          ]
        : []),
      ...(one
        ? [
            {
              name: 'active',
              label: t().people.inUse,
              options: /** @type {Array<readonly [string, string]>} */ ([
                ['true', t().people.yes],
                ['false', t().people.no],
              ]),
            },
          ]
        : []),
    ],
    send: async (v) => {
      const own = isManager()
        ? { name: v.name, plate: v.plate || null, branch: v.branch || null, equipment: names(v.equipment) }
        : {};
      const done = one
        ? await act(
            t().people.vanSaving,
            'patch',
            '/v1/vans/{id}',
            {
              path: { id: one.id },
              body: { ...own, technician: v.technician || null, active: v.active === 'true' },
              ifMatch: one.etag,
            },
            { quiet: true },
          )
        : await act(
            t().people.vanSaving,
            'post',
            '/v1/vans',
            {
              body: {
                name: v.name,
                plate: v.plate || null,
                branch: v.branch || null,
                equipment: names(v.equipment),
                technician: v.technician || null,
              },
            },
            { quiet: true },
          );
      await refreshVans();
      return done;
    },
  });
}

/** @param {Van} one */
function move(one) {
  openForm({
    title: `${t().people.load}: ${one.name}`,
    values: { kind: 'load', part_no: '', quantity: '1', bin: '' },
    yes: t().save,
    fields: () => [
      {
        name: 'kind',
        label: t().admin.kind,
        options: [
          ['load', t().people.load],
          ['unload', t().people.unload],
        ],
      },
      { name: 'part_no', label: t().people.partNo, field: 'movements[0].part_no' },
      { name: 'quantity', label: t().people.quantity, field: 'movements[0].quantity', inputmode: 'decimal' },
      { name: 'bin', label: t().people.bin, field: 'movements[0].bin' },
    ],
    send: async (v) => {
      const done = await act(
        t().people.vanSaving,
        'post',
        '/v1/vans/{id}/movements',
        {
          path: { id: one.id },
          body: {
            movements: [
              {
                kind: /** @type {'load'} */ (v.kind),
                part_no: v.part_no.trim(),
                quantity: thousandths(v.quantity),
                bin: v.bin.trim() || null,
              },
            ],
          },
        },
        { quiet: true },
      );
      if (done.ok) await refreshVans();
      return done;
    },
  });
}

/** @param {Van} one */
function count(one) {
  const lines = one.stock.lines.slice(0, 100);
  /** @type {Record<string, string>} */
  const values = { part_no: '', bin: '', quantity: '' };
  lines.forEach((_, at) => {
    values[`line${at}`] = '';
  });
  openForm({
    title: `${t().people.count}: ${one.name}`,
    values,
    yes: t().save,
    fields: () => [
      ...lines.map((line, at) => ({
        name: `line${at}`,
        label: [line.part_no, line.bin].filter(Boolean).join(' · '),
        hint: quantity(line.quantity),
        field: `counts[${at}].quantity`,
        inputmode: 'decimal',
      })),
      { name: 'part_no', label: t().people.partNo },
      { name: 'bin', label: t().people.bin },
      { name: 'quantity', label: t().people.quantity, inputmode: 'decimal' },
    ],
    send: async (v) => {
      const counts = lines.flatMap((line, at) =>
        v[`line${at}`]?.trim()
          ? [{ part_no: line.part_no, bin: line.bin || null, quantity: thousandths(v[`line${at}`] ?? '') }]
          : [],
      );
      if (v.part_no?.trim())
        counts.push({ part_no: v.part_no.trim(), bin: v.bin?.trim() || null, quantity: thousandths(v.quantity ?? '') });
      const done = await act(
        t().people.vanSaving,
        'post',
        '/v1/vans/{id}/counts',
        { path: { id: one.id }, body: { counts } },
        { quiet: true },
      );
      if (done.ok) await refreshVans();
      return done;
    },
  });
}
