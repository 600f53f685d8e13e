// The wall: large type, nothing to press, for whoever looks up.
import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { clock, span, t, word } from '../lib/i18n.js';
import { connection } from '../lib/live.js';
import { go } from '../lib/router.js';
import { LANES, SILENT_MS, byDue, decisions, isLate, isOver, jobs, lastHeard, now, personName } from '../lib/store.js';
import { icon } from '../lib/ui.js';
import { placeText, promiseClock, unbroken } from './board.js';

export function view() {
  const open = [...jobs.value.values()].filter((job) => !isOver(job.state));
  const late = open.filter((job) => isLate(job, now.value)).length;
  const oldest = open.sort(byDue).slice(0, 10);
  const out = new Set(open.map((job) => job.technician).filter((id) => typeof id === 'string'));
  const silent = [...out]
    .map((id) => ({ id, since: now.value - (lastHeard.value.get(id) ?? 0), heard: lastHeard.value.get(id) }))
    .filter((one) => one.since > SILENT_MS)
    .sort((a, b) => b.since - a.since)
    .slice(0, 10);
  const { state, since } = connection.value;
  const count = (/** @type {string} */ name) =>
    open.filter((job) =>
      /** @type {readonly string[]} */ (LANES.find((lane) => lane.name === name)?.states ?? []).includes(job.state),
    ).length;
  return html`<div class="wall-grid">
    <h1>
      <span>${clock(now.value)}</span
      ><span class="connection ${state}"
        ><span class="dot"></span>${state === 'live'
          ? t().connection.live
          : state === 'cut'
            ? t().connection.cut(clock(since))
            : t().connection.starting}</span
      >
    </h1>
    <dl class="wall-counts">
      ${LANES.filter((lane) => lane.name !== 'done').map(
        (lane) =>
          html`<div>
            <dt>${t().lanes[lane.name]}</dt>
            <dd>${count(lane.name)}</dd>
          </div>`,
      )}
      <div class=${late ? 'alarm' : ''}>
        <dt>${late ? icon('late') : nothing} ${t().wall.late}</dt>
        <dd>${late}</dd>
      </div>
      <div class=${decisions.value ? 'attention' : ''}>
        <dt>${decisions.value ? icon('decide') : nothing} ${t().wall.decide}</dt>
        <dd>${decisions.value}</dd>
      </div>
    </dl>
    <div class="wall-columns">
      <section aria-label=${t().wall.oldest}>
        <h2>${t().wall.oldest}</h2>
        <ol>
          ${oldest.map(
            (job) =>
              html`<li>
                <span class="number">${job.number ?? '–'}</span>${job.plate
                  ? html`<span class="plate">${unbroken(job.plate)}</span>`
                  : nothing}<span class="grow">${word(t().problemWords, job.problem)} · ${placeText(job)}</span
                >${promiseClock(job)}
              </li>`,
          )}
        </ol>
        ${oldest.length ? nothing : html`<p class="muted">${t().wall.none}</p>`}
      </section>
      <section aria-label=${t().wall.silent}>
        <h2>${t().wall.silent}</h2>
        <ol>
          ${silent.map(
            (one) =>
              html`<li>
                <span class="grow">${personName(one.id)}</span
                ><span class="muted">${one.heard ? span(one.since) : t().board.neverHeard}</span>
              </li>`,
          )}
        </ol>
        ${silent.length ? nothing : html`<p class="muted">${t().wall.allHeard}</p>`}
      </section>
    </div>
  </div>`;
}

/** @returns {import('../lib/keys.js').Key[]} */
export const keys = () => [{ code: 'Escape', label: t().nav.board, run: () => go('board') }];
