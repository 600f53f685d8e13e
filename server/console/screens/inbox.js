// Every decision that waits: both sides of crossed work, what each choice does, one key each.
import { effect, signal } from '../vendor/signals-core/signals-core.js';
import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { act } from '../lib/actions.js';
import { Refused, Unanswered, all, call } from '../lib/http.js';
import { amount, clock, distance, minorOf, moment, quantity, secondsLong, span, t, word } from '../lib/i18n.js';
import { opened, closeJob, openJob, post } from '../lib/open_job.js';
import { go, href } from '../lib/router.js';
import { jobs, now, personName, selected } from '../lib/store.js';
import { button, cap, empty, field, loading, openDialog, refusal, unplaced } from '../lib/ui.js';
import { placeText } from './board.js';
import { differences, missingText } from './job.js';
import { doubt } from './story.js';

/** @typedef {import('../types.js').Job} Job */
/** @typedef {import('../types.js').Exception} Exception */
/** @typedef {import('../types.js').JobListed} JobListed */
/** @typedef {import('../types.js').Schemas['SubmissionView']} Submission */
/** @typedef {{ job: JobListed, about: Exception['about'], at: number }} Entry */

/** The choices of each kind, as the server knows them. @type {Record<Exception['about'], string[]>} */
const CHOICES = {
  cancelled_with_field_work: ['accept_completed', 'pay_fee', 'void'],
  superseded_completed: ['bill_this', 'bill_other'],
  goa_claimed: ['confirm', 'reject'],
  unsuccessful_claimed: ['confirm', 'reject'],
  possible_duplicate: ['same_rescue', 'different'],
  field_conflict: [],
  other_currency: ['allow', 'leave_out'],
  concurrent_assignment: ['confirm'],
  clock_skew: ['confirm'],
  checklist_incomplete: ['confirm'],
  signature_missing: ['confirm'],
  changed_since_signed: ['confirm'],
};

/** Which is open: a job, and which of its exceptions. */
const at = signal(/** @type {{ job: string, index: number } | null} */ (null));
const note = signal('');
const problem = signal(/** @type {import('../types.js').Problem | null} */ (null));
const isBusy = signal(false);
const submissions = signal(/** @type {Submission[]} */ ([]));
const twin = signal(/** @type {Job | null} */ (null));
const isOpen = signal(false);

/** All that waits, the longest first: jobs by their last change. @returns {Entry[]} */
function entries() {
  const waiting = [...jobs.value.values()]
    .filter((job) => job.exceptions.length)
    .sort((a, b) => a.updated_at - b.updated_at || (a.id < b.id ? -1 : 1));
  return waiting.flatMap((job) => job.exceptions.map((about, at) => ({ job, about, at })));
}

/** @param {Entry | undefined} entry */
function choose(entry) {
  at.value = entry ? { job: entry.job.id, index: entry.at } : null;
  shown = '';
  note.value = '';
  problem.value = null;
  twin.value = null;
  asked = '';
  if (entry) {
    selected.value = entry.job.id;
    openJob(entry.job.id);
  }
}

/** @param {number} by */
function move(by) {
  const list = entries();
  const now = list.findIndex((one) => one.job.id === at.value?.job && one.at === at.value?.index);
  choose(list[Math.max(0, Math.min(list.length - 1, now + by))]);
  requestAnimationFrame(() =>
    document.querySelector('.inbox-item[aria-current="true"]')?.scrollIntoView({ block: 'nearest' }),
  );
}

/** Which of a job's exceptions is on the screen. Keys decide it and no other. */
let shown = '';
/** @param {Exception} one */
const markOf = (one) => JSON.stringify([one.about, one.reference, one.field, one.job, one.technician]);

/** The exception that is open. @returns {{ job: Job, one: Exception } | null} */
function current() {
  const job = opened.value?.job;
  if (!at.value || !job || job.id !== at.value.job) return null;
  // What is on the screen stays there: another that moves up into its place would be decided unread.
  const listed = entries().find((entry) => entry.job.id === job.id && entry.at === at.value?.index);
  const own = job.exceptions[at.value.index];
  const one = shown
    ? job.exceptions.find((it) => markOf(it) === shown)
    : own && (!listed || own.about === listed.about)
      ? own
      : (job.exceptions.find((it) => it.about === listed?.about) ?? job.exceptions[0]);
  return one ? { job, one } : null;
}

/** @param {string} choice @param {{ amount?: number | null, currency?: string }} [fee] */
async function decide(choice, fee = {}) {
  const open = current();
  if (!open || isBusy.value) return null;
  const { one } = open;
  if (choice === 'pay_fee' && fee.amount === undefined) {
    askFee();
    return null;
  }
  isBusy.value = true;
  const before = entries().findIndex((entry) => entry.job.id === at.value?.job && entry.at === at.value?.index);
  const done = await post(`${t().exceptions[one.about]}: ${word(t().choices, choice)}`, '/v1/jobs/{id}/decisions', {
    about: one.about,
    choice,
    reference: one.reference ?? null,
    note: note.value.trim() || null,
    ...fee,
  });
  isBusy.value = false;
  problem.value = done && !done.ok ? done.problem : null;
  if (done?.ok) {
    const list = entries();
    choose(list[Math.min(before, list.length - 1)]);
  }
  return done;
}

function askFee() {
  const form = signal({ amount: '', currency: opened.value?.job?.promise.currency ?? 'TWD' });
  openDialog({
    label: t().choices.pay_fee,
    className: 'small',
    view: (close) =>
      html`<h2>${t().choices.pay_fee}</h2>
        <p class="prose">${t().choiceAbout.pay_fee}</p>
        <form
          class="stack"
          @submit=${async (/** @type {Event} */ event) => {
            event.preventDefault();
            const { amount, currency } = form.value;
            const done = await decide('pay_fee', {
              amount: minorOf(amount, currency) ?? null,
              currency: currency.trim().toUpperCase(),
            });
            if (done?.ok) close();
          }}
        >
          ${field({
            name: 'amount',
            label: t().inbox.fee,
            inputmode: 'decimal',
            value: form.value.amount,
            set: (amount) => {
              form.value = { ...form.value, amount };
            },
            problem: problem.value,
            first: true,
          })}
          ${field({
            name: 'currency',
            label: t().inbox.currency,
            value: form.value.currency,
            set: (currency) => {
              form.value = { ...form.value, currency };
            },
            problem: problem.value,
          })}
          ${unplaced(problem.value, ['amount', 'currency'])}
          <footer>
            ${button({ label: t().choices.pay_fee, kind: 'primary', submits: true, run: () => {} })}${button({
              label: t().back,
              run: close,
            })}
          </footer>
        </form>`,
  });
}

/** @param {Array<[string, unknown]>} rows */
const facts = (rows) =>
  html`<dl>
    ${rows
      .filter(([, value]) => value !== '' && value !== null && value !== undefined)
      .map(
        ([name, value]) =>
          html`<dt>${name}</dt>
            <dd>${value}</dd>`,
      )}
  </dl>`;
/** @param {string} title @param {unknown} body */
const side = (title, body) =>
  html`<div class="side">
    <h3>${title}</h3>
    ${body}
  </div>`;

/** The steps someone went through, with where they were. @param {Job['times']} times @param {Job} job */
const steps = (times, job) =>
  Object.entries(times)
    .filter(([, it]) => !it.inferred)
    .sort(([, a], [, b]) => a.at - b.at)
    .map(
      ([step, it]) =>
        html`<div>
          ${word(t().stepWords, step)}
          <span class="muted"
            >${[
              clock(it.at, job.intake.branch),
              doubt(it),
              it.from_pin_m === null || it.from_pin_m === undefined
                ? ''
                : `${distance(it.from_pin_m)} ${t().inbox.fromPin}`,
              it.told_by ?? '',
            ]
              .filter(Boolean)
              .join(' · ')}</span
          >
        </div>`,
    );
/** @param {Job} job @param {string | null | undefined} who */
const partsOf = (job, who) =>
  job.parts
    .filter((one) => !one.voided && (!who || one.by === who))
    .map(
      (one) =>
        html`<div>
          ${quantity(one.quantity)} × ${one.description ?? one.part_no}
          <span class="muted">${amount(one.amount, one.currency)}</span>
        </div>`,
    );
/** @param {Job} job */
const totals = (job) => job.totals.map((one) => amount(one.total, one.currency)).join(' + ');

/** Both sides of it. @param {Job} job @param {Exception} one */
function sides(job, one) {
  const who = personName(one.technician ?? job.assignment?.technician) || job.assignment?.provider || '';
  switch (one.about) {
    case 'cancelled_with_field_work':
      return [
        side(
          t().inbox.office,
          facts([
            [t().inbox.cancelledBy, personName(job.cancelled?.by)],
            [
              t().story.sections.work ? t().inbox.reason : '',
              [word(t().reasonWords, job.cancelled?.reason), job.cancelled?.note].filter(Boolean).join(': '),
            ],
            [t().inbox.state, word(t().states, job.cancelled?.stage)],
            ['', job.cancelled ? clock(job.cancelled.at, job.intake.branch) : ''],
          ]),
        ),
        side(
          `${t().inbox.field}: ${who}`,
          facts([
            [t().inbox.steps, steps(job.times, job)],
            [t().inbox.parts, partsOf(job, null)],
            [t().inbox.total, totals(job)],
          ]),
        ),
      ];
    case 'superseded_completed': {
      const before = job.superseded.find((it) => it.assignment.technician === one.technician) ?? job.superseded.at(-1);
      const holder = job.assignment;
      return [
        side(
          `${t().inbox.earlier}: ${who}`,
          before
            ? facts([
                [t().inbox.steps, steps(before.times, job)],
                [t().inbox.parts, partsOf(job, before.assignment.technician)],
              ])
            : nothing,
        ),
        side(
          `${t().inbox.inForce}: ${holder?.provider ?? personName(holder?.technician)}`,
          facts([
            [t().inbox.steps, steps(job.times, job)],
            [t().inbox.parts, partsOf(job, holder?.technician)],
            [t().inbox.total, totals(job)],
          ]),
        ),
      ];
    }
    case 'goa_claimed':
    case 'unsuccessful_claimed':
      return [
        side(
          `${t().inbox.told}: ${job.assignment?.provider ?? (personName(job.assignment?.technician) || who)}`,
          facts([
            [t().inbox.steps, steps(job.times, job)],
            [t().inbox.missing, job.missing.map((it) => html`<div>${missingText(it)}</div>`)],
          ]),
        ),
        side(
          t().inbox.this,
          facts([
            [t().intake.problem, word(t().problemWords, job.intake.problem)],
            [t().intake.address, job.intake.address],
            [t().intake.phone, job.intake.phone],
          ]),
        ),
      ];
    case 'concurrent_assignment':
      return [
        ...(job.assignment
          ? [
              side(
                t().inbox.inForce,
                facts([
                  [t().technician, job.assignment.provider ?? personName(job.assignment.technician)],
                  ['', clock(job.assignment.at, job.intake.branch)],
                  [t().admin.who, personName(job.assignment.by)],
                ]),
              ),
            ]
          : []),
        ...job.superseded.slice(-2).map((it) =>
          side(
            t().inbox.earlier,
            facts([
              [t().technician, it.assignment.provider ?? personName(it.assignment.technician)],
              ['', clock(it.assignment.at, job.intake.branch)],
              [t().admin.who, personName(it.assignment.by)],
            ]),
          ),
        ),
      ];
    case 'clock_skew':
      return [
        side(
          who,
          facts([
            [
              t().inbox.skew,
              one.skew === null || one.skew === undefined ? '' : t().story.skew(span(one.skew), one.skew > 0),
            ],
            [
              t().inbox.uncertainty,
              one.uncertainty === null || one.uncertainty === undefined
                ? t().inbox.uncertaintyUnknown
                : `± ${secondsLong(one.uncertainty)}`,
            ],
            [t().inbox.steps, steps(job.times, job)],
          ]),
        ),
      ];
    case 'checklist_incomplete':
    case 'signature_missing':
      return [
        side(
          who,
          facts([
            [t().inbox.missing, job.missing.map((it) => html`<div>${missingText(it)}</div>`)],
            [t().inbox.steps, steps(job.times, job)],
            [t().inbox.total, totals(job)],
          ]),
        ),
      ];
    case 'changed_since_signed': {
      const seal = job.seals.findLast((it) => it.sound) ?? job.seals.at(-1);
      return [
        side(
          [seal?.name, word(t().roleWords, seal?.role), seal ? moment(seal.time.at, job.intake.branch) : '']
            .filter(Boolean)
            .join(' · '),
          seal ? differences(seal) : nothing,
        ),
      ];
    }
    case 'other_currency': {
      const lines = [
        ...job.parts.filter(
          (it) => it.id === one.reference || it.fact === one.reference || (!one.reference && !it.billed),
        ),
        ...job.charges.filter((it) => it.id === one.reference || it.fact === one.reference),
      ];
      return [
        side(t().job.line, facts(lines.map((it) => [it.description ?? '', amount(it.amount, it.currency)]))),
        side(
          t().inbox.this,
          facts([
            [t().job.currency, job.promise.currency],
            [t().inbox.total, totals(job)],
          ]),
        ),
      ];
    }
    case 'possible_duplicate': {
      const listed = jobs.value.get(one.job ?? '');
      const of = (/** @type {Job} */ it) =>
        facts([
          ['', it.intake.number],
          [t().inbox.state, t().states[it.state]],
          [t().intake.caller, it.intake.caller],
          [t().intake.phone, it.intake.phone],
          [t().intake.plate, it.intake.plate],
          [t().intake.problem, word(t().problemWords, it.intake.problem)],
          [t().intake.address, it.intake.address],
          [t().technician, personName(it.assignment?.technician)],
          [t().inbox.total, totals(it)],
        ]);
      if (one.job && twin.value?.id !== one.job) readTwin(one.job);
      return [
        side(t().inbox.this, of(job)),
        side(
          t().inbox.other,
          twin.value?.id === one.job && twin.value
            ? html`${of(twin.value)}<a href=${href('job', twin.value.id)}>${t().inbox.openJob}</a>`
            : listed
              ? placeText(listed)
              : loading(),
        ),
      ];
    }
    case 'field_conflict': {
      const values = job.timeline.filter((it) => `${it.section}.${it.what}` === one.field).slice(-2);
      return values.map((it) =>
        side(
          personName(it.by) || t().job.someone,
          facts([
            [word(t().fieldWords, it.what), it.detail ?? t().story.cleared],
            ['', clock(it.at, job.intake.branch)],
          ]),
        ),
      );
    }
  }
}

let asked = '';
/** Reads the other job once. @param {string} id */
async function readTwin(id) {
  if (asked === id) return;
  asked = id;
  try {
    twin.value = (await call('get', '/v1/jobs/{id}', { path: { id } })).data;
  } catch (error) {
    if (!(error instanceof Refused || error instanceof Unanswered)) throw error;
  }
}

/** What a choice does. @param {Exception['about']} about @param {string} choice */
function choiceText(about, choice) {
  const words = /** @type {Record<string, string>} */ (t().choiceAbout);
  if (about === 'goa_claimed' || about === 'unsuccessful_claimed') return words[`${choice}_claim`] ?? '';
  if (about === 'checklist_incomplete' || about === 'signature_missing') return words.confirm_without ?? '';
  if (about === 'changed_since_signed') return words.confirm_difference ?? '';
  return words[choice] ?? '';
}

/**
 * A field conflict is decided by setting the field.
 * @param {Job} job
 * @param {Exception} one
 * @returns {Array<{ label: string, about: string, run: () => void }>}
 */
function options(job, one) {
  if (one.about !== 'field_conflict')
    return CHOICES[one.about].map((choice) => ({
      label: word(t().choices, choice),
      about: choiceText(one.about, choice),
      run: () => {
        decide(choice);
      },
    }));
  const values = job.timeline.filter((it) => `${it.section}.${it.what}` === one.field).slice(-2);
  return values.map((it) => ({
    label: it.detail ?? t().story.cleared,
    about: personName(it.by),
    run: () => {
      setField(it);
    },
  }));
}

/** @param {import('../types.js').TimelineItem} item */
async function setField(item) {
  const open = opened.value;
  if (!open?.job || !item.what) return;
  const isNumber = ['eta', 'eta_by', 'amount', 'year'].includes(item.what);
  /** @type {any} */
  const body = ['lat', 'lon'].includes(item.what)
    ? { place: open.job.intake.place }
    : {
        [item.what]:
          item.detail === null || item.detail === undefined
            ? null
            : isNumber
              ? Number(item.detail)
              : ['skills', 'equipment'].includes(item.what)
                ? item.detail.split('\n')
                : item.detail,
      };
  const done = await act(t().inbox.setting, 'patch', '/v1/jobs/{id}', {
    path: { id: open.id },
    body,
    ifMatch: open.etag ?? '',
  });
  if (done.ok) openJob(open.id);
  else problem.value = done.problem;
}

function one() {
  const open = current();
  if (!at.value)
    return html`<div class="inbox-one">${entries().length ? empty(t().inbox.choose) : empty(t().inbox.none)}</div>`;
  if (!open)
    return html`<div class="inbox-one">
      ${opened.value?.problem
        ? refusal(opened.value.problem)
        : opened.value?.job
          ? empty(t().inbox.settled)
          : loading()}
    </div>`;
  const { job, one } = open;
  shown = markOf(one);
  return html`<div class="inbox-one">
    <h2>${t().exceptions[one.about]}</h2>
    <p class="row">
      <a href=${href('job', job.id)} class="number">${job.intake.number ?? t().board.noNumber}</a>${job.intake.plate
        ? html`<span class="plate">${job.intake.plate}</span>`
        : nothing}<span class="muted"
        >${[
          t().states[job.state],
          word(t().problemWords, job.intake.problem),
          t().inbox.since(span(now.value - one.raised_at)),
        ].join(' · ')}</span
      >
    </p>
    <p class="prose">${t().exceptionAbout[one.about]}</p>
    <div class="sides">${sides(job, one)}</div>
    ${refusal(problem.value)}
    <div class="option-extra">
      ${field({
        name: 'why',
        label: t().inbox.note,
        value: note.value,
        set: (text) => {
          note.value = text;
        },
        problem: null,
      })}
    </div>
    <div class="options" role="group" aria-label=${t().inbox.title}>
      ${options(job, one).map(
        (it, index) =>
          html`<button type="button" class="option" ?disabled=${isBusy.value} @click=${it.run}>
            ${cap(String(index + 1))}<b>${it.label}</b><span>${it.about}</span>
          </button>`,
      )}
    </div>
  </div>`;
}

async function readSubmissions() {
  try {
    submissions.value = (await all('/v1/submissions')).filter((/** @type {Submission} */ it) => it.state === 'waiting');
  } catch (error) {
    if (!(error instanceof Refused || error instanceof Unanswered)) throw error;
  }
}

/** @param {Submission} it */
function openSubmissions(it) {
  const result = signal(/** @type {unknown} */ (null));
  const isDone = signal(false);
  const run = async (/** @type {'accept' | 'discard'} */ what) => {
    const done = await act(
      what === 'accept' ? t().inbox.accept : t().inbox.discard,
      'post',
      what === 'accept' ? '/v1/submissions/{id}/accept' : '/v1/submissions/{id}/discard',
      { path: { id: it.id } },
      { quiet: true },
    );
    if (!done.ok) result.value = refusal(done.problem);
    else {
      const data = /** @type {any} */ (done.data);
      isDone.value = what === 'discard' || data.state === 'accepted';
      result.value = html`<p role="status">
          ${what === 'discard'
            ? t().inbox.laidAside
            : data.state === 'waiting'
              ? t().inbox.waitingState
              : t().inbox.accepted}
        </p>
        ${data?.verdicts ? facts(Object.entries(data.verdicts)) : nothing}`;
      readSubmissions();
    }
  };
  openDialog({
    label: t().inbox.submissions,
    className: 'small',
    view: (close) =>
      html`<h2>${personName(it.user)}</h2>
        <p class="prose">${t().inbox.submissionsAbout}</p>
        <div class="sides">
          ${side(
            t().inbox.submissions,
            facts([
              [t().inbox.received, clock(it.received_at)],
              [t().inbox.changes, it.changes],
              [t().inbox.revokedAt, it.revoked_at ? clock(it.revoked_at) : ''],
              [t().inbox.late, it.late],
            ]),
          )}
        </div>
        ${result.value}
        <footer>
          ${isDone.value
            ? nothing
            : html`${button({
                label: t().inbox.discard,
                run: () => {
                  run('discard');
                },
              })}${button({
                label: t().inbox.accept,
                kind: 'primary',
                run: () => {
                  run('accept');
                },
              })}`}${button({ label: t().close, run: close })}
        </footer>`,
  });
}

export function view() {
  const list = entries();
  return html`<div class="inbox-grid">
    <nav class="inbox-list" aria-label=${t().inbox.title}>
      <h1 class="unseen">${t().inbox.title}</h1>
      <h2>${t().inbox.title}<span class="count">${list.length}</span></h2>
      ${list.length
        ? list.map(
            (entry) =>
              html`<button
                type="button"
                class="inbox-item"
                aria-current=${entry.job.id === at.value?.job && entry.at === at.value.index ? 'true' : nothing}
                @click=${() => choose(entry)}
              >
                <b>${t().exceptions[entry.about]}</b>
                <span class="about"
                  >${[entry.job.number, entry.job.plate, personName(entry.job.technician), entry.job.address]
                    .filter(Boolean)
                    .join(' · ')}</span
                >
              </button>`,
          )
        : empty(t().inbox.none)}
      ${submissions.value.length
        ? html`<h2>${t().inbox.submissions}<span class="count">${submissions.value.length}</span></h2>
            ${submissions.value.map(
              (it) =>
                html`<button type="button" class="inbox-item" @click=${() => openSubmissions(it)}>
                  <b>${personName(it.user)}</b
                  ><span class="about">${t().inbox.changeCount(it.changes)} · ${clock(it.received_at)}</span>
                </button>`,
            )}`
        : nothing}
    </nav>
    ${one()}
  </div>`;
}

/** @returns {import('../lib/keys.js').Key[]} */
export function keys() {
  const open = current();
  return [
    ...(open && shown === markOf(open.one)
      ? options(open.job, open.one).map((it, index) => ({ code: `Digit${index + 1}`, label: it.label, run: it.run }))
      : []),
    { code: 'ArrowDown', label: t().keys.down, run: () => move(1) },
    { code: 'ArrowUp', label: t().keys.up, run: () => move(-1) },
    { code: 'KeyJ', label: t().keys.down, run: () => move(1), hidden: true },
    { code: 'KeyK', label: t().keys.up, run: () => move(-1), hidden: true },
    {
      code: 'Enter',
      label: t().inbox.openJob,
      run: () => {
        if (at.value) go('job', at.value.job);
      },
    },
    { code: 'KeyO', label: t().inbox.note, run: () => document.getElementById('f-why')?.focus() },
    { code: 'Escape', label: t().nav.board, run: () => go('board') },
  ];
}

/** @param {string} id */
export function open(id) {
  isOpen.value = true;
  const list = entries();
  const wanted = list.find((entry) => entry.job.id === id);
  if (id && !wanted) {
    // The board has not heard of it yet: the job itself tells, and no other is shown in its place.
    choose(undefined);
    at.value = { job: id, index: 0 };
    shown = '';
    openJob(id);
  } else choose(wanted ?? list.find((entry) => entry.job.id === at.value?.job) ?? list[0]);
  readSubmissions();
}
export function leave() {
  isOpen.value = false;
  closeJob();
}

// The first to come is opened where none was there.
effect(() => {
  if (isOpen.value && !at.value && entries().length)
    queueMicrotask(() => {
      if (isOpen.value && !at.value) choose(entries()[0]);
    });
});
