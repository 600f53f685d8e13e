// The fields of a job, in the order in which they are asked.
import { amount, clock, minorDigits, minorOf, t, word } from '../lib/i18n.js';
import { BREAKDOWNS } from '../lib/breakdowns.js';
import { branches, now } from '../lib/store.js';
import { minutesOf, nearTimeOf, placeOf } from '../lib/typed.js';

/** @typedef {import('./edit.js').Editable} Editable */
/** @typedef {import('../types.js').Job} Job */

const orNull = (/** @type {string} */ text) => text || null;
/**
 * What nobody can read goes as it was typed: the server refuses it beside its field.
 * @param {string} typed
 * @returns {any}
 */
export const asTyped = (typed) => typed;
const lines = (/** @type {string} */ text) =>
  text
    .split(/[,，、\n]/)
    .map((one) => one.trim())
    .filter(Boolean);

/**
 * A text of the intake.
 * @param {'caller' | 'phone' | 'plate' | 'vin' | 'make' | 'model' | 'color' | 'address' | 'destination' | 'remarks' |
 *   'language'} name
 * @param {string} label @param {Partial<Editable>} [more] @returns {Editable}
 */
const text = (name, label, more = {}) => ({
  name,
  label,
  shown: (job) => job.intake[name] ?? '',
  change: (text) => ({ [name]: orNull(text) }),
  ...more,
});

/**
 * A time of today or tomorrow in a branch's time zone, or minutes from now.
 * @param {string} typed
 * @param {Job} job
 */
export function timeOf(typed, job) {
  const minutes = minutesOf(typed);
  return minutes === null ? nearTimeOf(typed, job.intake.branch) : now.value + minutes * 60_000;
}

/** @param {'eta' | 'eta_by'} name @param {string} label @returns {Editable} */
const time = (name, label) => ({
  name,
  label,
  hint: t().job.timeHint,
  history: [`promise.${name}`],
  shown: (job) => (job.promise[name] ? clock(job.promise[name], job.intake.branch) : ''),
  change: (typed, job) => ({ [name]: typed ? (timeOf(typed, job) ?? asTyped(typed)) : null }),
});

/** @returns {Array<{ title: string, fields: Editable[] }>} */
export const groups = () => [
  {
    title: t().job.call,
    fields: [
      text('caller', t().intake.caller),
      text('phone', t().intake.phone, { inputmode: 'tel' }),
      {
        name: 'place',
        label: t().intake.place,
        hint: t().intake.placeHint,
        history: ['intake.lat', 'intake.lon'],
        shown: (job) => (job.intake.place ? `${job.intake.place.lat}, ${job.intake.place.lon}` : ''),
        change: (typed) => ({ place: typed ? (placeOf(typed) ?? asTyped(typed)) : null }),
      },
      text('address', t().intake.address),
      text('destination', t().intake.destination),
      text('remarks', t().intake.remarks, { rows: 3 }),
    ],
  },
  {
    title: t().job.promise,
    fields: [
      time('eta_by', t().job.etaBy),
      time('eta', t().job.eta),
      {
        name: 'priority',
        label: t().priority,
        options: Object.entries(t().priorities),
        shown: (job) => word(t().priorities, job.intake.priority),
        typed: (job) => job.intake.priority ?? 'normal',
        change: (typed) => ({ priority: /** @type {any} */ (typed) }),
      },
      {
        name: 'problem',
        label: t().intake.problem,
        list: BREAKDOWNS.map((one) => word(t().problemWords, one)),
        shown: (job) => word(t().problemWords, job.intake.problem),
        change: (typed) => ({
          problem: Object.entries(t().problemWords).find(([, shown]) => shown === typed)?.[0] ?? typed,
        }),
      },
      {
        name: 'amount',
        label: t().job.agreed,
        inputmode: 'decimal',
        history: ['promise.amount'],
        shown: (job) =>
          job.promise.amount === null || job.promise.amount === undefined
            ? ''
            : amount(job.promise.amount, job.promise.currency),
        typed: (job) =>
          job.promise.amount ? String(job.promise.amount / 10 ** minorDigits(job.promise.currency ?? '')) : '',
        change: (typed, job) => ({
          amount: typed ? (minorOf(typed, job.promise.currency ?? '') ?? asTyped(typed)) : null,
        }),
      },
      {
        name: 'branch',
        label: t().branch,
        options: [['', '–'], ...[...branches.value.values()].map((one) => /** @type {const} */ ([one.id, one.name]))],
        shown: (job) => branches.value.get(job.intake.branch ?? '')?.name ?? '',
        typed: (job) => job.intake.branch ?? '',
        change: (typed) => ({ branch: orNull(typed) }),
      },
    ],
  },
  {
    title: t().intake.vehicle,
    fields: [
      text('plate', t().intake.plate),
      text('vin', t().intake.vin),
      text('make', t().intake.make),
      text('model', t().intake.model),
      text('color', t().intake.color),
      {
        name: 'year',
        label: t().intake.year,
        inputmode: 'numeric',
        shown: (job) => (job.intake.year ? String(job.intake.year) : ''),
        change: (typed) => ({ year: typed ? Number(typed) || asTyped(typed) : null }),
      },
      {
        name: 'skills',
        label: t().intake.skills,
        hint: t().intake.commas,
        shown: (job) => job.intake.skills.map((one) => word(t().skillWords, one)).join(', '),
        typed: (job) => job.intake.skills.join(', '),
        change: (typed) => ({ skills: lines(typed) }),
      },
      {
        name: 'equipment',
        label: t().intake.equipment,
        hint: t().intake.commas,
        shown: (job) => job.intake.equipment.join(', '),
        change: (typed) => ({ equipment: lines(typed) }),
      },
    ],
  },
];
