// The proposal for the whole queue: shown before anything is done, accepted row by row.
import { signal } from '../vendor/signals-core/signals-core.js';
import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { repeat } from '../vendor/lit-html/directives/repeat.js';
import { act } from '../lib/actions.js';
import { Refused, Unanswered, call } from '../lib/http.js';
import { seconds, span, t, word } from '../lib/i18n.js';
import { arrivalText, reasonText, unmetText } from '../lib/reasons.js';
import { go, href } from '../lib/router.js';
import { filter, jobs, personName, selected, takeJob } from '../lib/store.js';
import { button, empty, icon, loading, refusal, sentence, unanswered } from '../lib/ui.js';
import { placeText, promiseClock } from './board.js';

/** @typedef {import('../types.js').ProposalRow} Row */
/** @typedef {import('../lib/actions.js').Outcome<import('../types.js').JobView> | 'sending'} Result */

/** Rows that are sent at a time: the server takes four of one person. */
const TOGETHER = 3;

const read = signal(/** @type {import('../types.js').Proposal | null} */ (null));
const problem = signal(/** @type {import('../types.js').Problem | null} */ (null));
const ticked = signal(/** @type {Set<string>} */ (new Set()));
const results = signal(/** @type {Map<string, Result>} */ (new Map()));
let asked = 0;

/** @param {Row} row */
const isChange = (row) => row.what === 'new' || row.what === 'moves';
const isSending = () => [...results.value.values()].includes('sending');

async function load() {
  if (isSending()) return;
  const mine = (asked += 1);
  read.value = null;
  problem.value = null;
  results.value = new Map();
  try {
    const { data } = await call('get', '/v1/proposal', { query: { branch: filter.value.branch || undefined } });
    if (mine !== asked) return;
    read.value = data;
    ticked.value = new Set(data.rows.filter(isChange).map((row) => row.job));
  } catch (error) {
    if (!(error instanceof Refused || error instanceof Unanswered)) throw error;
    if (mine === asked) problem.value = error instanceof Refused ? error.problem : unanswered();
  }
}

/** @param {string} job */
function toggle(job) {
  const next = new Set(ticked.value);
  if (!next.delete(job)) next.add(job);
  ticked.value = next;
}

/** Ticked rows that were not accepted yet. */
const chosen = () =>
  (read.value?.rows ?? []).filter((row) => {
    const result = results.value.get(row.job);
    const isDone = result && result !== 'sending' && result.ok;
    return isChange(row) && ticked.value.has(row.job) && !isDone;
  });

/** Assigns each ticked job as it was seen; a row that is refused stays, with the reason. */
async function accept() {
  if (isSending()) return;
  const rows = chosen();
  const note = (/** @type {string} */ job, /** @type {Result} */ result) => {
    results.value = new Map(results.value).set(job, result);
  };
  for (const row of rows) note(row.job, 'sending');
  const next = async () => {
    for (let row = rows.shift(); row; row = rows.shift()) {
      const to = row.after;
      if (!to) continue;
      const done = await act(
        t().candidates.sending(row.number ?? '', to.name),
        'post',
        '/v1/jobs/{id}/assign',
        {
          path: { id: row.job },
          body: { technician: to.technician, kind: 'assign', override: false },
          ifMatch: row.etag,
        },
        { quiet: true },
      );
      note(row.job, done);
      if (done.ok) takeJob(done.data, done.etag);
    }
  };
  await Promise.all(Array.from({ length: TOGETHER }, next));
}

/** @param {Row} row */
function jobView(row) {
  const job = jobs.value.get(row.job);
  return html`<a href=${href('job', row.job)} class="number" tabindex="-1">${row.number ?? t().board.noNumber}</a> ${job
      ? html`<span class="problem">${word(t().problemWords, job.problem)}</span>
          <span class="place">${placeText(job)}</span> ${promiseClock(job)}`
      : nothing}`;
}

/** @param {Row} row @param {number} at */
function why(row, at) {
  const one = row.after;
  if (!one) return nothing;
  const branch = jobs.value.get(row.job)?.branch;
  const arrival = one.arrival ? arrivalText(one.arrival, branch) : null;
  return html`${row.before && row.before !== one.technician
      ? html`<span class="before">${personName(row.before)}</span> → `
      : nothing}<b>${one.name}</b>
    <span class="facts"
      >${arrival
        ? html`<span>${t().candidates.there(arrival.likely)} (${arrival.range})</span><span>${arrival.way}</span>`
        : html`<span>${t().candidates.noArrival}</span>`}
      ${one.reasons.map((it) => {
        const { text, isAgainst } = reasonText(it, at, branch);
        return html`<span class=${isAgainst ? 'against' : ''}>${text}</span>`;
      })}
      ${typeof row.gap_seconds === 'number' && isChange(row)
        ? html`<span class="muted">${t().proposal.gap(span(row.gap_seconds * 1000))}</span>`
        : nothing}</span
    >`;
}

/** @param {Row} row */
function resultView(row) {
  const result = results.value.get(row.job);
  if (!result) return nothing;
  if (result === 'sending') return html`<span class="result">${icon('soon')}${t().actions.sending}</span>`;
  return result.ok
    ? html`<span class="result good">${icon('done')}${t().bulk.done}</span>`
    : html`<span class="result alarm" role="alert">${icon('no')}<span>${sentence(result.problem)}</span></span>`;
}

/** @param {Row} row @param {number} at */
function changeView(row, at) {
  const result = results.value.get(row.job);
  const isDone = Boolean(result && result !== 'sending' && result.ok);
  return html`<li class="proposal-row ${selected.value === row.job ? 'is-selected' : ''}" data-row=${row.job}>
    <input
      type="checkbox"
      .checked=${ticked.value.has(row.job)}
      ?disabled=${isDone || result === 'sending'}
      aria-label=${t().proposal.tick(row.number ?? '', row.after?.name ?? '')}
      @change=${() => toggle(row.job)}
      @focus=${() => {
        selected.value = row.job;
      }}
    />
    <div class="what">${jobView(row)}</div>
    <div class="whom">${why(row, at)} ${resultView(row)}</div>
  </li>`;
}

/** Why nobody is left for a job. @param {Row} row */
const leftText = (row) =>
  row.eligible
    ? t().proposal.needed(row.eligible)
    : row.unmet.length
      ? html`${t().proposal.nobodyFits}
        ${row.unmet.map(
          (one) => html`<span class="against">${t().proposal.lack(unmetText(one), one.technicians)}</span> `,
        )}`
      : t().proposal.nobody;

const tools = () => {
  const count = chosen().length;
  const of = read.value;
  return html`<div class="proposal-top">
    ${button({
      label: t().proposal.accept(count),
      key: 'Enter',
      kind: 'primary',
      disabled: !count || isSending(),
      run: accept,
    })}
    ${button({ label: t().candidates.again, key: 'KeyR', disabled: isSending(), run: load })}
    ${of
      ? html`<span class="muted">${t().candidates.asOf(seconds(of.at), of.technicians)}</span> ${of.more_jobs ||
          of.more_technicians
            ? html`<span class="muted">${t().proposal.more}</span>`
            : nothing}`
      : nothing}
  </div>`;
};

export function view() {
  const of = read.value;
  const title = html`<h1>${t().nav.proposal}</h1>
    <p class="hint">${t().proposal.about}</p>`;
  if (!of)
    return html`${title}
    ${problem.value
      ? refusal(problem.value, button({ label: t().candidates.again, key: 'KeyR', run: load }))
      : loading()}`;
  const changes = of.rows.filter(isChange);
  const left = of.rows.filter((row) => row.what === 'stays_open');
  const stays = of.rows.filter((row) => row.what === 'keeps' || row.what === 'offered');
  const results0 = [...results.value.values()].filter((one) => one !== 'sending');
  const failed = results0.filter((one) => !one.ok).length;
  return html`${title}${tools()}
    <p class="summary" role="status">
      ${results0.length
        ? t().bulk.summary(results0.length - failed, failed, results.value.size - results0.length)
        : nothing}
    </p>
    ${of.rows.length ? nothing : empty(t().proposal.empty)}
    ${changes.length
      ? html`<h2>${t().proposal.changes(changes.length)}</h2>
          <ol class="proposal-rows">
            ${repeat(
              changes,
              (row) => row.job,
              (row) => changeView(row, of.at),
            )}
          </ol>`
      : nothing}
    ${left.length
      ? html`<h2>${t().proposal.left(left.length)}</h2>
          <ol class="proposal-rows">
            ${left.map(
              (row) =>
                html`<li class="proposal-row">
                  <span></span>
                  <div class="what">${jobView(row)}</div>
                  <div class="whom">${leftText(row)}</div>
                </li>`,
            )}
          </ol>`
      : nothing}
    ${stays.length
      ? html`<h2>${t().proposal.stays(stays.length)}</h2>
          <ol class="proposal-rows">
            ${stays.map(
              (row) =>
                html`<li class="proposal-row">
                  <span></span>
                  <div class="what">${jobView(row)}</div>
                  <div class="whom">
                    ${personName(row.before)}
                    ${row.what === 'offered' ? html`<span class="muted">${t().states.offered}</span>` : nothing}
                  </div>
                </li>`,
            )}
          </ol>`
      : nothing}`;
}

/** @param {number} by */
function move(by) {
  const boxes = [...document.querySelectorAll('.proposal-row input')].filter((one) => one instanceof HTMLElement);
  const at = boxes.findIndex((one) => one === document.activeElement);
  const next = boxes[Math.max(0, Math.min(boxes.length - 1, at + by))];
  next?.focus();
}

/** @returns {import('../lib/keys.js').Key[]} */
export const keys = () => [
  { code: 'Enter', label: t().proposal.accept(chosen().length), run: accept },
  { code: 'ArrowDown', label: t().keys.down, run: () => move(1) },
  { code: 'ArrowUp', label: t().keys.up, run: () => move(-1) },
  {
    code: 'KeyX',
    label: t().proposal.toggle,
    run: () => {
      const row = document.activeElement?.closest('[data-row]');
      if (row instanceof HTMLElement && row.dataset.row) toggle(row.dataset.row);
    },
  },
  { code: 'KeyR', label: t().candidates.again, run: load },
  { code: 'Escape', label: t().nav.board, run: () => go('board') },
];

export const open = () => {
  load();
};
export const leave = () => {
  // What was proposed is of that moment; it is asked again when the screen is opened.
  asked += 1;
};
