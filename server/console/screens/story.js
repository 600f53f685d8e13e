// The story of a job in words: who did what and when, by the server's clock as well as that is known.
import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { amount, clock, isTime, quantity, rawTime, seconds, span, t, word } from '../lib/i18n.js';
import { branches, personName } from '../lib/store.js';
import { badge } from '../lib/ui.js';

/** @typedef {import('../types.js').Job} Job */
/** @typedef {import('../types.js').TimelineItem} Item */

/** A field's value as people read it. @param {Item} item @param {Job} job */
function valueOf(item, job) {
  const text = item.detail;
  if (text === null || text === undefined) return t().story.cleared;
  if (['eta', 'eta_by'].includes(item.what ?? '')) return clock(Number(text), job.intake.branch);
  if (['lat', 'lon'].includes(item.what ?? '')) return (Number(text) / 1e7).toFixed(5);
  if (item.what === 'amount') return amount(Number(text), job.promise.currency);
  if (item.what === 'branch') return branches.value.get(text)?.name ?? text;
  if (item.what === 'problem') return word(t().problemWords, text);
  if (item.what === 'priority') return word(t().priorities, text);
  return text;
}

/** @param {Item} item @param {Job} job */
function sentence(item, job) {
  const what = item.what ?? '';
  const note = [item.detail && word(t().reasonWords, item.detail), item.note].filter(Boolean).join(': ');
  const more = note ? html`: ${note}` : nothing;
  if (item.takes_back) return html`<b>${what === 'reopened' ? t().stepWords.reopened : t().story.takesBack}</b>${more}`;
  switch (item.section) {
    case 'status':
      return html`<b>${word(t().stepWords, what)}</b>${more}`;
    case 'assignment': {
      const own = [job.assignment, ...job.superseded.map((one) => one.assignment)].find((one) => one?.id === item.fact);
      const to = own?.provider ?? personName(own?.technician);
      return html`<b>${word(t().story.assignment, what)}</b>${to ? ` ${to}` : nothing}${more}`;
    }
    case 'intake':
    case 'promise':
      return html`${word(t().fieldWords, what)}: ${valueOf(item, job)}`;
    case 'parts': {
      const part = job.parts.find((one) => one.fact === item.fact || one.id === item.fact);
      return html`${t().story.part} <b>${part?.description ?? item.what ?? ''}</b>${part
          ? ` × ${quantity(part.quantity)}`
          : nothing}`;
    }
    case 'charges':
      return html`${t().story.charge} <b>${item.detail ?? ''}</b>`;
    case 'checklist':
      return html`${t().story.check} ${word(t().checkWords, what)}: ${word(t().resultWords, item.detail)}`;
    case 'signatures':
      return html`<b>${what === 'countersigned' ? t().story.countersigned : t().story.signed}</b>${more}`;
    case 'decisions':
      return html`<b>${t().story.decided}</b> ${word(t().exceptions, what)}:
        ${word(t().choices, item.detail)}${item.note ? `: ${item.note}` : nothing}`;
    case 'notes':
      return html`${t().story.note}: ${item.detail ?? ''}`;
    case 'attachments':
      return html`${t().story.photo} ${word(t().stageWords, what)}${more}`;
    default:
      return html`${word(t().story.sections, item.section)}${what ? ` ${word(t().workWords, what)}` : nothing}${more}`;
  }
}

/**
 * How sure the time is.
 * @param {import('../types.js').Corrected & {by?: string | null, by_office?: boolean, impossible?: boolean}} time
 */
export function doubt(time) {
  const parts = [];
  if (time.impossible) parts.push(t().story.impossible);
  if (time.uncertainty === null || time.uncertainty === undefined) {
    // The office and the server write by the server's clock.
    const ofPhone = time.by_office === false && time.by !== null;
    if (time.skew) parts.push(t().story.corrected);
    else if (ofPhone) parts.push(t().story.unverified);
  } else if (time.uncertainty > 5000) parts.push(`± ${span(time.uncertainty + 59_999)}`);
  if (Math.abs(time.skew) > 60_000) parts.push(t().story.skew(span(time.skew), time.skew > 0));
  return parts.join(', ');
}

/** Fields that were set in one go stand in one line. @param {Item[]} items */
function grouped(items) {
  /** @type {Item[][]} */
  const groups = [];
  for (const item of items) {
    const last = groups.at(-1);
    const before = last?.[0];
    const isField = !item.fact && ['intake', 'promise'].includes(item.section);
    if (isField && last && before && !before.fact && before.by === item.by && Math.abs(before.at - item.at) < 1000)
      last.push(item);
    else groups.push([item]);
  }
  return groups;
}

/** @param {Job} job */
export const story = (job) =>
  html`<ol class="story">
    ${grouped(job.timeline)
      .toReversed()
      .map((items) => {
        const item = /** @type {Item} */ (items[0]);
        const isStep = item.section === 'status' || item.section === 'assignment' || item.section === 'signatures';
        const about = doubt(item);
        return html`<li class="${isStep ? 'step' : ''} ${item.takes_back ? 'back' : ''}">
          <time
            datetime=${isTime(item.at) ? new Date(item.at).toISOString() : nothing}
            title=${rawTime(item.at) ?? seconds(item.at, job.intake.branch)}
            >${clock(item.at, job.intake.branch)}${about ? html`<small>${about}</small>` : nothing}</time
          ><span class="dot"></span>
          <div class="what">
            ${items.length > 3
              ? html`<details>
                  <summary>${t().story.fields(items.length)}</summary>
                  ${items.map((one) => html`<div>${sentence(one, job)}</div>`)}
                </details>`
              : items.map((one) => html`<div>${sentence(one, job)}</div>`)}
            <span class="by"
              >${[
                personName(item.by) || (item.by ? t().job.someone : t().story.server),
                item.by_office && isStep && item.section === 'status' ? t().story.byOffice : '',
              ]
                .filter(Boolean)
                .join(' · ')}</span
            >
            ${item.late ? badge(t().story.late, '', 'changed') : nothing}
          </div>
        </li>`;
      })}
  </ol>`;
