// What is done to the job that is open, each with what it asks first.
import { signal } from '../vendor/signals-core/signals-core.js';
import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { unsay } from '../lib/actions.js';
import { minorOf, t, word } from '../lib/i18n.js';
import { opened, post } from '../lib/open_job.js';
import { go } from '../lib/router.js';
import { now, personName } from '../lib/store.js';
import { button, field, openDialog, unplaced } from '../lib/ui.js';
import { asTyped, timeOf } from './job_fields.js';

/** @typedef {import('../types.js').Problem} Problem */
/** @typedef {Record<string, string>} Values */
/**
 * A form over the screen.
 * @template {Values} V
 * @param {{
 *   title: string,
 *   values: V,
 *   fields: (values: V) => Array<Omit<import('../lib/ui.js').Field, 'value' | 'set' | 'problem'>>,
 *   yes: string,
 *   kind?: 'primary' | 'danger',
 *   send: (values: V) => Promise<import('../lib/actions.js').Outcome<any> | null>,
 *   about?: unknown,
 * }} what
 */
export function openForm(what) {
  const values = signal(what.values);
  const problem = signal(/** @type {Problem | null} */ (null));
  const isBusy = signal(false);
  let isOpen = true;
  const send = async (/** @type {() => void} */ close) => {
    if (isBusy.value) return;
    const empty = what.fields(values.value).find((one) => one.required && !values.value[one.name]?.trim());
    if (empty) {
      problem.value = /** @type {any} */ ({
        title: t().actions.needs(empty.label),
        code: 'entry',
        field: empty.field ?? empty.name,
      });
      requestAnimationFrame(() => document.getElementById(`f-${empty.name}`)?.focus());
      return;
    }
    isBusy.value = true;
    const done = await what.send(values.value);
    isBusy.value = false;
    if (done?.ok) close();
    else if (done) {
      problem.value = done.problem;
      if (isOpen) unsay(done.problem);
    }
  };
  openDialog({
    label: what.title,
    className: 'small',
    closed: () => {
      isOpen = false;
    },
    keys: (close) => [{ code: 'Ctrl+Enter', label: what.yes, inFields: true, run: () => send(close) }],
    view: (close) => {
      const fields = what.fields(values.value);
      return html`<h2>${what.title}</h2>
        ${what.about ? html`<p class="prose">${what.about}</p>` : nothing}
        <form
          class="stack"
          novalidate
          @submit=${(/** @type {Event} */ event) => {
            event.preventDefault();
            send(close);
          }}
        >
          ${fields.map((one, at) =>
            field({
              ...one,
              value: values.value[one.name] ?? '',
              set: (value) => {
                values.value = { ...values.value, [one.name]: value };
              },
              problem: problem.value,
              first: at === 0,
            }),
          )}
          ${unplaced(
            problem.value,
            fields.map((one) => one.field ?? one.name),
          )}
          <footer>
            ${button({
              label: what.yes,
              kind: what.kind ?? 'primary',
              submits: true,
              disabled: isBusy.value,
              run: () => {},
            })}${button({ label: t().back, run: close })}
          </footer>
        </form>`;
    },
  });
}

const number = () => opened.value?.job?.intake.number ?? '';

export async function assign() {
  const id = opened.value?.id;
  if (id) (await import('./candidates.js')).openCandidates([id]);
}

export function recall() {
  openForm({
    title: t().job.recall,
    values: { note: '' },
    yes: t().job.recall,
    fields: () => [{ name: 'note', label: t().job.note }],
    send: ({ note }) => post(t().job.recalling(number()), '/v1/jobs/{id}/recall', { note: note || null }),
  });
}

export function cancel() {
  openForm({
    title: t().job.cancel,
    values: { reason: 'customer_cancelled', note: '' },
    yes: t().job.cancel,
    kind: 'danger',
    about: t().job.cancelAbout,
    fields: () => [
      { name: 'reason', label: t().job.reason, options: Object.entries(t().cancelReasons) },
      { name: 'note', label: t().job.note },
    ],
    send: ({ reason, note }) =>
      post(t().job.cancelling(number()), '/v1/jobs/{id}/cancel', { reason, note: note || null }),
  });
}

export function reopen() {
  openForm({
    title: t().job.reopen,
    values: { note: '' },
    yes: t().job.reopen,
    about: t().job.reopenAbout,
    fields: () => [{ name: 'note', label: t().job.note }],
    send: ({ note }) => post(t().job.reopening(number()), '/v1/jobs/{id}/reopen', { note: note || null }),
  });
}

export function followUp() {
  openForm({
    title: t().job.followUp,
    values: { remarks: '' },
    yes: t().job.followUp,
    about: t().job.followUpAbout,
    fields: () => [{ name: 'remarks', label: t().intake.remarks, rows: 3 }],
    send: async ({ remarks }) => {
      const done = await post(
        t().job.followingUp(number()),
        '/v1/jobs/{id}/follow-up',
        { remarks: remarks || null },
        { unseen: true },
      );
      if (done?.ok) go('job', done.data.id);
      return done;
    },
  });
}

export function charge() {
  const currency = opened.value?.job?.promise.currency ?? 'TWD';
  openForm({
    title: t().job.charge,
    values: { description: '', amount: '', currency, tax: '5' },
    yes: t().job.add,
    fields: () => [
      { name: 'description', label: t().job.description },
      { name: 'amount', label: t().job.amount, inputmode: 'decimal' },
      { name: 'currency', label: t().job.currency },
      { name: 'tax', label: t().job.taxPercent, field: 'tax_millipercent', inputmode: 'decimal' },
    ],
    send: ({ description, amount, currency, tax }) =>
      post(
        t().job.charging,
        '/v1/jobs/{id}/charges',
        {
          description,
          amount: minorOf(amount, currency) ?? asTyped(amount),
          currency: currency.trim().toUpperCase(),
          tax_millipercent: tax.trim()
            ? Math.round(Number(tax) * 1000) || (Number(tax) === 0 ? 0 : asTyped(tax))
            : null,
        },
        { unseen: true },
      ),
  });
}

/** @param {string} fact @param {string} what */
export function takeBack(fact, what) {
  openForm({
    title: t().job.takeBackOf(what),
    values: { reason: 'mistake', note: '' },
    yes: t().job.takeBack,
    kind: 'danger',
    about: t().job.takeBackAbout,
    fields: () => [
      { name: 'reason', label: t().job.reason, options: Object.entries(t().takeBackReasons) },
      { name: 'note', label: t().job.note },
    ],
    send: ({ reason, note }) =>
      post(t().job.takeBackOf(what), '/v1/jobs/{id}/facts/{fact}/take-back', { reason, note: note || null }, { fact }),
  });
}

/** Steps after a state, the next first. @type {Record<string, string[]>} */
const NEXT = {
  offered: ['accepted', 'declined'],
  assigned: ['accepted', 'en_route', 'declined'],
  accepted: ['en_route', 'on_scene', 'declined'],
  en_route: ['on_scene', 'declined'],
  on_scene: ['working', 'completed', 'in_tow', 'goa', 'unsuccessful'],
  working: ['completed', 'in_tow', 'unsuccessful'],
  in_tow: ['at_destination', 'completed'],
  at_destination: ['completed'],
};

export function step() {
  const job = opened.value?.job;
  if (!job) return;
  const next = NEXT[job.state] ?? ['en_route', 'on_scene', 'working', 'completed'];
  const needsReason = (/** @type {string} */ step) => ['declined', 'completed', 'unsuccessful'].includes(step);
  openForm({
    title: t().job.step,
    values: {
      step: next[0] ?? 'on_scene',
      at: '',
      told_by: job.assignment?.provider ?? personName(job.assignment?.technician),
      reason: '',
      note: '',
      destination: '',
      recipient: '',
      attempts: '',
    },
    yes: t().job.enter,
    about: t().job.stepAbout,
    fields: ({ step }) => [
      {
        name: 'step',
        label: t().job.stepWhat,
        options: next.map((one) => /** @type {const} */ ([one, word(t().stepWords, one)])),
      },
      { name: 'at', label: t().job.stepAt, hint: t().job.stepAtHint },
      { name: 'told_by', label: t().job.toldBy, required: true },
      ...(needsReason(step)
        ? [
            {
              name: 'reason',
              label: step === 'completed' ? t().job.whyUnsigned : t().job.reason,
              required: step === 'completed' && !job.seals.length,
              options: /** @type {Array<readonly [string, string]>} */ ([
                ['', '–'],
                ...Object.entries(step === 'completed' ? t().unsignedReasons : t().reasonWords),
              ]),
            },
          ]
        : []),
      ...(step === 'in_tow' ? [{ name: 'destination', label: t().intake.destination }] : []),
      ...(step === 'at_destination' ? [{ name: 'recipient', label: t().job.recipient }] : []),
      ...(step === 'goa' ? [{ name: 'attempts', label: t().job.attempts, inputmode: 'numeric' }] : []),
      { name: 'note', label: t().job.note },
    ],
    send: (v) => {
      const minutesAgo = /^-?(\d{1,3})$/.exec(v.at.trim());
      const at = !v.at.trim()
        ? now.value
        : minutesAgo
          ? now.value - Number(minutesAgo[1]) * 60_000
          : (timeOf(v.at.trim(), job) ?? asTyped(v.at));
      const text = (/** @type {string} */ value) => value.trim() || undefined;
      return post(`${word(t().stepWords, v.step)} · ${number()}`, '/v1/jobs/{id}/steps', {
        step: v.step,
        at: typeof at === 'number' ? Math.floor(at) : at,
        told_by: v.told_by.trim(),
        reason: needsReason(v.step) ? text(v.reason) : undefined,
        note: text(v.note),
        destination: v.step === 'in_tow' ? text(v.destination) : undefined,
        recipient: v.step === 'at_destination' ? text(v.recipient) : undefined,
        attempts: v.step === 'goa' && v.attempts ? Number(v.attempts) || asTyped(v.attempts) : undefined,
      });
    },
  });
}
