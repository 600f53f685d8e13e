// One job: its story, its fields, its money, what the customer signed, and the next sensible step.
import { signal } from '../vendor/signals-core/signals-core.js';
import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { amount, clock, distance, moment, percent, quantity, span, t, word } from '../lib/i18n.js';
import { tell } from '../lib/actions.js';
import { closeJob, openJob, opened, post } from '../lib/open_job.js';
import { go, href } from '../lib/router.js';
import { isOver, jobs, now, personName, selected } from '../lib/store.js';
import { badge, button, empty, field, finding, icon, loading, refusal } from '../lib/ui.js';
import { holder, promiseClock, unbroken } from './board.js';
import { forget, row } from './edit.js';
import { groups } from './job_fields.js';
import { story } from './story.js';
import * as ask from './job_dialogs.js';

/** @typedef {import('../types.js').Job} Job */
/** @typedef {import('../types.js').SealView} SealView */

/** A note that is being typed, and for which job. */
const note = signal({ job: '', text: '' });
/** @param {string} id */
const noteFor = (id) => (note.value.job === id ? note.value.text : '');
const noteProblem = signal(/** @type {import('../types.js').Problem | null} */ (null));

/** What a person does next, and what else they may. @param {Job} job */
function actions(job) {
  const over = isOver(job.state);
  const isGiven = job.assignment && job.assignment.kind !== 'recall' && job.state !== 'received';
  const decide = { label: t().job.decide(job.exceptions.length), key: 'KeyE', run: () => go('inbox', job.id) };
  const assign = { label: isGiven ? t().job.reassign : t().job.assign, key: 'KeyA', run: ask.assign };
  const step = { label: t().job.step, key: 'KeyS', run: ask.step };
  const list = [];
  if (job.exceptions.length) list.push(decide);
  if (!over && !isGiven) list.push(assign);
  else if (!over) list.push(step, assign, { label: t().job.recall, key: 'KeyR', run: ask.recall });
  if (!over) list.push({ label: t().job.cancel, key: 'KeyC', run: ask.cancel });
  if (over)
    list.push(
      { label: t().job.followUp, key: 'KeyF', run: ask.followUp },
      { label: t().job.reopen, key: 'KeyR', run: ask.reopen },
    );
  list.push({ label: t().job.print, key: 'KeyI', run: () => print() });
  return list;
}

/** @param {Job} job */
function head(job) {
  const listed = jobs.value.get(job.id);
  const [first, ...rest] = actions(job);
  return html`<header class="job-head">
    <h1>
      <span class="number">${job.intake.number ?? t().board.noNumber}</span>${job.intake.plate
        ? html`<span class="plate">${unbroken(job.intake.plate)}</span>`
        : nothing}
    </h1>
    ${badge(t().states[job.state])}${job.intake.priority === 'urgent' || job.intake.priority === 'high'
      ? badge(word(t().priorities, job.intake.priority), job.intake.priority === 'urgent' ? 'alarm' : '', 'urgent')
      : nothing}${job.walk_up ? badge(t().job.walkUp) : nothing}
    ${listed ? html`<span class="row">${holder(listed)}</span>${promiseClock(listed)}` : nothing}
    <div class="actions">${first ? button({ ...first, kind: 'primary' }) : nothing}${rest.map(button)}</div>
  </header>`;
}

/** @param {Job} job */
function attention(job) {
  const twins = job.likely_duplicates.filter((one) => !isOver(one.state));
  return html` ${job.exceptions.length
    ? html`<section class="panel attention">
        <header>
          ${icon('decide')}
          <h2>${t().board.decide(job.exceptions.length)}</h2>
          ${button({ label: t().job.toInbox, key: 'KeyE', run: () => go('inbox', job.id) })}
        </header>
        <ul class="notes">
          ${job.exceptions.map(
            (one) =>
              html`<li>
                ${t().exceptions[one.about]}<span class="by">${t().inbox.since(span(now.value - one.raised_at))}</span>
              </li>`,
          )}
        </ul>
      </section>`
    : nothing}
  ${twins.length
    ? html`<section class="panel attention">
        <header>
          ${icon('decide')}
          <h2>${t().intake.twins}</h2>
        </header>
        <ul class="notes">
          ${twins
            .slice(0, 4)
            .map(
              (one) =>
                html`<li>
                  <a href=${href('job', one.id)}>${one.number ?? t().board.noNumber}</a> ${one.reasons.map((reason) =>
                    badge(t().likeness[reason]),
                  )}<span class="by"
                    >${[
                      one.distance_m !== null && one.distance_m !== undefined
                        ? t().intake.away(distance(one.distance_m))
                        : '',
                      t().intake.before(span(one.minutes_apart * 60_000)),
                    ]
                      .filter(Boolean)
                      .join(' · ')}</span
                  >
                </li>`,
            )}
        </ul>
      </section>`
    : nothing}
  ${job.cancelled
    ? html`<section class="panel">
        <header><h2>${t().states.cancelled}</h2></header>
        <p class="body">
          ${[
            word(t().reasonWords, job.cancelled.reason),
            job.cancelled.note,
            personName(job.cancelled.by),
            clock(job.cancelled.at, job.intake.branch),
          ]
            .filter(Boolean)
            .join(' · ')}
        </p>
      </section>`
    : nothing}`;
}

/** @param {Job} job @param {string} name */
function findings(job, name) {
  const found = job.findings.find((one) => one.field === `intake.${name}`);
  return found ? finding(found) : undefined;
}

/** @param {Job} job */
const fields = (job) =>
  groups().map(
    (group) =>
      html`<section class="panel">
        <header><h2>${group.title}</h2></header>
        <dl class="facts-list">${group.fields.map((one) => row(one, job, findings(job, one.name)))}</dl>
      </section>`,
  );

/** @param {Job} job */
function money(job) {
  const lines = [
    ...job.parts.map((one) => ({
      ...one,
      what: [one.part_no, one.description].filter(Boolean).join(' '),
      about: one.voided ? t().job.voided : one.billed ? '' : t().job.unbilled,
      quantity: one.quantity,
      path: '',
    })),
    ...job.charges.map((one) => ({
      ...one,
      what: one.description ?? one.kind ?? '',
      about: one.voided ? t().job.voided : one.billed ? '' : t().job.unbilled,
      quantity: one.quantity ?? 1000,
      path: '',
    })),
  ];
  return html`<section class="panel">
    <header>
      <h2>${t().job.money}</h2>
      ${button({ label: t().job.charge, key: 'KeyM', run: ask.charge })}
    </header>
    ${lines.length
      ? html`<div class="table-scroll">
          <table class="lines">
            <thead>
              <tr>
                <th>${t().job.line}</th>
                <th class="num">${t().job.quantity}</th>
                <th class="num">${t().job.tax}</th>
                <th class="num">${t().job.amount}</th>
                <th><span class="unseen">${t().job.takeBack}</span></th>
              </tr>
            </thead>
            <tbody>
              ${lines.map(
                (one) =>
                  html`<tr class=${one.voided ? 'void' : ''}>
                    <td>${one.what}${one.about ? html` ${badge(one.about)}` : nothing}</td>
                    <td class="num">${quantity(one.quantity)}</td>
                    <td class="num">${one.tax_millipercent ? percent(one.tax_millipercent) : '–'}</td>
                    <td class="num">${amount(one.amount, one.currency)}</td>
                    <td>
                      ${one.voided
                        ? nothing
                        : button({
                            label: t().job.takeBack,
                            kind: 'quiet',
                            run: () => ask.takeBack(one.fact, one.what),
                          })}
                    </td>
                  </tr>`,
              )}
              ${job.totals.map(
                (one) =>
                  html`<tr class="total">
                    <td colspan="3">
                      ${t().job.total}${one.tax === null || one.tax === undefined
                        ? nothing
                        : html` <span class="muted"
                            >${job.tax_mode === 'exclusive'
                              ? t().job.plusTax(amount(one.tax, one.currency))
                              : t().job.withTax(amount(one.tax, one.currency))}</span
                          >`}
                    </td>
                    <td class="num">${amount(one.total, one.currency)}</td>
                    <td></td>
                  </tr>`,
              )}
            </tbody>
          </table>
        </div>`
      : empty(t().job.noMoney)}
  </section>`;
}

/** @param {SealView} seal @param {Job} job */
const sealView = (seal, job) =>
  html`<li class="seal">
    <div class="row">
      <b>${seal.name ?? t().job.someone}</b
      ><span class="muted"
        >${[word(t().roleWords, seal.role), moment(seal.time.at, job.intake.branch)].filter(Boolean).join(' · ')}</span
      >
    </div>
    ${seal.statement ? html`<blockquote lang=${seal.language ?? nothing}>${seal.statement}</blockquote>` : nothing}
    <div class="row">
      ${seal.sound
        ? badge(t().job.sound, 'good', 'done')
        : badge(t().job.unsound, 'alarm', 'no')}${seal.countersigned_at
        ? html`<span class="muted">${t().job.countersigned(clock(seal.countersigned_at, job.intake.branch))}</span>`
        : html`<span class="muted">${t().job.notCountersigned}</span>`}
      ${seal.countersigned_at
        ? html`<a href="/v1/jobs/${job.id}/seals/${seal.id}" download>${t().job.evidence}</a>`
        : nothing}
    </div>
    ${seal.changes
      ? html`<div class="row">
            ${badge(
              t().job.changes(seal.changes ?? 0),
              seal.changes_money ? 'attention' : '',
              'changed',
            )}${seal.changes_money ? html`<span>${t().job.changesMoney}</span>` : nothing}
          </div>
          ${differences(seal)}`
      : html`<p class="muted">${t().job.unchanged}</p>`}
  </li>`;

/** What was signed and what stands now. @param {SealView} seal */
export const differences = (seal) =>
  html`<ol class="diff">
    ${seal.changed_since_signed.slice(0, 30).map(
      (one) =>
        html`<li>
          <span class="what">${one.what}</span
          ><del><span class="unseen">${t().job.signedValue} </span>${one.signed ?? '–'}</del
          ><span aria-hidden="true">→</span><ins><span class="unseen">${t().job.nowValue} </span>${one.now ?? '–'}</ins>
        </li>`,
    )}
  </ol>`;

/** @param {Job} job */
const seals = (job) =>
  html`<section class="panel">
    <header><h2>${t().job.seals}</h2></header>
    ${job.seals.length
      ? html`<ol>
          ${job.seals.map((one) => sealView(one, job))}
        </ol>`
      : empty(t().job.noSeals)}
  </section>`;

/** @param {Job} job */
function checks(job) {
  const entries = Object.entries(job.checklist);
  if (!entries.length && !job.missing.length && !job.attachments.length) return nothing;
  return html`<section class="panel">
    <header><h2>${t().job.evidenceTitle}</h2></header>
    <dl class="facts-list">
      ${entries.map(
        ([name, one]) =>
          html`<dt>${word(t().checkWords, name)}</dt>
            <dd class="body">${word(t().resultWords, one.result)}${one.note ? ` · ${one.note}` : nothing}</dd>`,
      )}
      ${job.attachments.length
        ? html`<dt>${t().job.photos}</dt>
            <dd class="body">
              ${job.attachments.map(
                (one) =>
                  html`<div>
                    ${word(t().stageWords, one.stage)}
                    <span class="muted">${one.media_type ?? ''} ${clock(one.time.at, job.intake.branch)}</span>
                  </div>`,
              )}
            </dd>`
        : nothing}
      ${job.missing.length
        ? html`<dt>${t().job.missing}</dt>
            <dd class="body">${job.missing.map((one) => html`<div>${missingText(one)}</div>`)}</dd>`
        : nothing}
    </dl>
  </section>`;
}

/** @param {Job['missing'][number]} one */
export function missingText(one) {
  const which = 'which' in one ? String(one.which) : '';
  if (one.what === 'checklist_step') return `${t().missing.checklist_step} ${word(t().checkWords, which)}`;
  if (one.what === 'photo') return `${t().missing.photo} ${word(t().stageWords, which)}`;
  return word(t().missing, one.what);
}

/** @param {Event} event */
async function addNote(event) {
  event.preventDefault();
  const { job, text: typed } = note.value;
  const text = typed.trim();
  if (!text || job !== opened.value?.id) return;
  const done = await post(t().job.noting, '/v1/jobs/{id}/notes', { text }, { quiet: true, unseen: true });
  if (note.value.job !== job) {
    if (done && !done.ok) tell({ label: t().job.noting, problem: done.problem });
    return;
  }
  if (done?.ok && note.value.text === typed) note.value = { job, text: '' };
  noteProblem.value = done && !done.ok ? done.problem : null;
}

/** @param {Job} job */
const notes = (job) =>
  html`<section class="panel">
    <header><h2>${t().job.notes}</h2></header>
    <ol class="notes">
      ${job.notes
        .toReversed()
        .map(
          (one) =>
            html`<li>
              <span class="typed">${one.text}</span
              ><span class="by">${personName(one.by)} · ${clock(one.time.at, job.intake.branch)}</span>
            </li>`,
        )}
    </ol>
    <form class="note-form" @submit=${addNote}>
      ${field({
        name: 'text',
        label: t().job.newNote,
        value: noteFor(job.id),
        set: (text) => {
          note.value = { job: job.id, text };
        },
        problem: noteProblem.value,
      })}${button({ label: t().job.add, submits: true, run: () => {} })}
    </form>
  </section>`;

/** @param {string} id */
export function view(id) {
  const now = opened.value;
  if (!now || now.id !== id) return loading();
  if (now.problem && !now.job) return html`<div class="page">${refusal(now.problem)}</div>`;
  const job = now.job;
  if (!job) return loading();
  return html`<article>
    ${head(job)}
    <div class="job-grid">
      <div class="column">${attention(job)}${fields(job)}</div>
      <div class="column">
        <section class="panel">
          <header><h2>${t().job.story}</h2></header>
          ${story(job)}
        </section>
      </div>
      <div class="column">
        ${money(job)}${seals(job)}${checks(job)}${notes(job)}${job.intake.follows
          ? html`<a class="button" href=${href('job', job.intake.follows)}>${t().job.follows}</a>`
          : nothing}${job.intake.follow_up
          ? html`<a class="button" href=${href('job', job.intake.follow_up)}>${t().job.followedUp}</a>`
          : nothing}
      </div>
    </div>
  </article>`;
}

/** @returns {import('../lib/keys.js').Key[]} */
export function keys() {
  const job = opened.value?.job;
  return [
    ...(job ? actions(job).map((one) => ({ code: one.key, label: one.label, run: one.run })) : []),
    { code: 'KeyM', label: t().job.charge, run: ask.charge },
    { code: 'KeyO', label: t().job.newNote, run: () => document.getElementById('f-text')?.focus() },
    { code: 'Escape', label: t().nav.board, run: () => go('board') },
  ];
}

/** @param {string} id */
export function open(id) {
  if (opened.value?.id !== id) forgetTyped();
  selected.value = id;
  openJob(id);
}
export function leave() {
  forgetTyped();
  closeJob();
}

/** What was typed belongs to the job that was left. */
function forgetTyped() {
  forget();
  note.value = { job: '', text: '' };
  noteProblem.value = null;
}
