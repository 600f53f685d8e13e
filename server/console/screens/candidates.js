// Choosing who goes: over the board or the job, for one job or several.
import { signal } from '../vendor/signals-core/signals-core.js';
import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { repeat } from '../vendor/lit-html/directives/repeat.js';
import { act, unsay } from '../lib/actions.js';
import { candidates } from '../lib/candidates.js';
import { call, Refused } from '../lib/http.js';
import { distance, span, t, word } from '../lib/i18n.js';
import { jobs, marked, now, personName, takeJob, technicians } from '../lib/store.js';
import { button, cap, empty, field, loading, openDialog, refusal } from '../lib/ui.js';
import { showResults } from './bulk.js';

/** @typedef {import('../lib/candidates.js').Candidate} Candidate */
/** @typedef {import('../types.js').Job} Job */

/** A hint in words. @param {import('../lib/candidates.js').Against} one */
const againstText = (one) =>
  t().candidates.against[one.what](one.what.startsWith('skill') ? word(t().skillWords, one.which) : one.which);

/** @param {Candidate} one */
function facts(one) {
  const first = one.busy[0];
  return html`<span
      >${first
        ? t().candidates.busy(one.busy.length, first.number ?? '', t().states[first.state])
        : t().candidates.free}</span
    >
    <span>${one.heard === null ? t().board.neverHeard : t().board.heard(span(one.heard))}</span>
    ${one.provider ? html`<span>${one.provider}</span>` : nothing}
    ${one.against.map((it) => html`<span class="against ${it.what}">${againstText(it)}</span>`)}`;
}

/** @param {Candidate} one */
const far = (one) =>
  one.metres === null
    ? html`<span class="muted">${one.placeAge === null ? t().candidates.noPosition : t().candidates.noPlace}</span>`
    : html`${t().candidates.byAir(distance(one.metres))}<br /><small class="muted"
          >${t().candidates.placeAge(span(one.placeAge ?? 0))}</small
        >`;

/** @param {Candidate} one */
const isIneligible = (one) => one.against.some((it) => it.what !== 'no_phone');
/** Those with a hint against them stand below a line of their own. @param {Candidate[]} rows @param {number} at */
const isFirstIneligible = (rows, at) =>
  Boolean(
    rows[at] && isIneligible(rows[at]) && !(rows[at - 1] && isIneligible(/** @type {Candidate} */ (rows[at - 1]))),
  );

/** Opens the choice for these jobs. @param {string[]} ids */
export function openCandidates(ids) {
  const isMany = ids.length > 1;
  const job = signal(/** @type {Job | null} */ (null));
  const etag = signal(/** @type {string | null} */ (null));
  const state = signal({
    pick: '',
    kind: /** @type {'assign' | 'offer'} */ ('assign'),
    minutes: '',
    provider: '',
    filter: '',
  });
  const refused = signal(/** @type {{ problem: import('../types.js').Problem, technician: string } | null} */ (null));
  const isBusy = signal(false);
  let isOpen = true;
  const set = (/** @type {Partial<typeof state.value>} */ change) => {
    state.value = { ...state.value, ...change };
  };
  const id = ids[0] ?? '';
  const listed = jobs.value.get(id);

  const load = async () => {
    if (isMany) return;
    try {
      const answer = await call('get', '/v1/jobs/{id}', { path: { id } });
      job.value = answer.data;
      etag.value = answer.etag;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      refused.value = { problem: error.problem, technician: '' };
    }
  };
  load();

  /**
   * Those there are, in the order in which they were shown first: who moves up while someone reads would be sent by
   * the number of another. Null until there is something to choose from.
   * @type {Map<string, Candidate> | null}
   */
  let frozen = null;
  const list = () => {
    if ((!isMany && !job.value) || !technicians.value.size) return [];
    frozen ??= new Map();
    for (const one of candidates(job.value)) frozen.set(one.id, one);
    const wanted = state.value.filter.toLowerCase();
    return [...frozen.values()].filter((one) => !one.isHolder && one.name.toLowerCase().includes(wanted));
  };
  /** What is drawn: keys choose from it and from nothing else. @type {string[]} */
  let drawn = [];
  /** Who is marked: whom someone chose, else the first. */
  const picked = () => (drawn.includes(state.value.pick) ? state.value.pick : (drawn[0] ?? ''));

  /** @param {{ technician?: string, provider?: string }} to @param {boolean} anyway @param {() => void} close */
  async function send(to, anyway, close) {
    if (isBusy.value) return;
    isBusy.value = true;
    refused.value = null;
    const { kind, minutes } = state.value;
    const eta = Number(minutes) > 0 ? now.value + Number(minutes) * 60_000 : undefined;
    const body = { ...to, kind, override: anyway, ...(eta ? { eta } : {}) };
    const who = to.provider ?? candidates(job.value).find((one) => one.id === to.technician)?.name ?? '';
    if (isMany) {
      close();
      showResults(t().candidates.sent(who), ids, async (one) => {
        const done = await act(
          t().candidates.sending(jobs.value.get(one)?.number ?? '', who),
          'post',
          '/v1/jobs/{id}/assign',
          { path: { id: one }, body },
          { quiet: true },
        );
        if (done.ok) {
          takeJob(done.data, done.etag);
          const left = new Set(marked.value);
          left.delete(one);
          marked.value = left;
        }
        return done;
      });
      return;
    }
    // Closed at once: while there is no connection the sending is seen below.
    const label = t().candidates.sending(job.value?.intake.number ?? listed?.number ?? '', who);
    // Takes back this assignment, as the server answered it, and none that someone made after.
    let assigned = /** @type {string | null} */ (null);
    const undo = async () => {
      const back = await act(t().job.recalling(job.value?.intake.number ?? ''), 'post', '/v1/jobs/{id}/recall', {
        path: { id },
        body: { note: null },
        ifMatch: assigned ?? undefined,
      });
      if (back.ok) takeJob(back.data, back.etag);
    };
    const timer = setTimeout(close, 1500);
    const done = await act(
      label,
      'post',
      '/v1/jobs/{id}/assign',
      { path: { id }, body, ifMatch: etag.value ?? undefined },
      { undo },
    );
    clearTimeout(timer);
    isBusy.value = false;
    if (done.ok) {
      assigned = done.etag;
      takeJob(done.data, done.etag);
      close();
    } else {
      refused.value = { problem: done.problem, technician: to.technician ?? '' };
      if (isOpen) unsay(done.problem);
      if (done.problem.code === 'changed_meanwhile') load();
    }
  }

  const sendTo = (/** @type {string | undefined} */ technician, /** @type {() => void} */ close) => {
    if (technician && drawn.includes(technician)) send({ technician }, false, close);
  };
  /** Enter presses what has the focus: a button, or the field of the provider. @param {KeyboardEvent} event */
  const enter = (event, /** @type {() => void} */ close) => {
    const target = event.target instanceof HTMLElement ? event.target : null;
    const pressed = target?.closest('button:not(.choice)');
    if (pressed instanceof HTMLElement) pressed.click();
    else if (target?.id === 'f-provider') target.closest('form')?.requestSubmit();
    else sendTo(picked(), close);
  };
  const move = (/** @type {number} */ by) => {
    const at = drawn.indexOf(picked()) + by;
    set({ pick: drawn[Math.max(0, Math.min(drawn.length - 1, at))] ?? '' });
    requestAnimationFrame(() =>
      document.querySelector('.choice[aria-current="true"]')?.scrollIntoView({ block: 'nearest' }),
    );
  };

  openDialog({
    label: t().candidates.title,
    className: 'large candidates',
    closed: () => {
      isOpen = false;
    },
    keys: (close) => [
      { code: 'ArrowDown', label: t().keys.down, run: () => move(1), inFields: true },
      { code: 'ArrowUp', label: t().keys.up, run: () => move(-1), inFields: true },
      { code: 'Enter', label: t().candidates.send, run: (event) => enter(event, close), inFields: true },
      ...Array.from({ length: 9 }, (_, at) => ({
        code: `Digit${at + 1}`,
        label: t().candidates.send,
        hidden: at > 0,
        run: () => sendTo(drawn[at], close),
      })),
      {
        code: 'KeyO',
        label: t().candidates.offer,
        run: () => set({ kind: state.value.kind === 'offer' ? 'assign' : 'offer' }),
      },
      {
        code: 'KeyY',
        label: t().candidates.override,
        run: () => {
          if (refused.value?.technician) send({ technician: refused.value.technician }, true, close);
        },
      },
    ],
    view: (close) => {
      const { kind, minutes, provider, filter } = state.value;
      const r = refused.value;
      const rows = list();
      drawn = rows.map((one) => one.id);
      const current = picked();
      const wants = [
        ...(job.value?.intake.skills ?? []).map((it) => word(t().skillWords, it)),
        ...(job.value?.intake.equipment ?? []),
      ];
      return html`<h2>
          ${isMany
            ? t().candidates.titleMany(ids.length)
            : listed && (listed.technician || listed.provider)
              ? t().candidates.titleAgain(listed.number ?? '', listed.provider ?? personName(listed.technician))
              : t().candidates.titleOne(job.value?.intake.number ?? listed?.number ?? '')}
        </h2>
        ${isMany
          ? nothing
          : html`<p class="prose">
              ${[
                word(t().problemWords, job.value?.intake.problem ?? listed?.problem),
                job.value?.intake.address ?? listed?.address,
              ]
                .filter(Boolean)
                .join(' · ')}${wants.length ? html`<br />${t().candidates.wants(wants.join(', '))}` : nothing}
            </p>`}
        <section class="send-options">
          <div class="switch" role="group" aria-label=${t().candidates.how}>
            ${button({
              label: t().candidates.assign,
              pressed: kind === 'assign',
              run: () => set({ kind: 'assign' }),
            })}${button({
              label: t().candidates.offer,
              key: 'KeyO',
              pressed: kind === 'offer',
              run: () => set({ kind: 'offer' }),
            })}
          </div>
          ${field({
            name: 'filter',
            label: t().candidates.filter,
            value: filter,
            set: (filter) => set({ filter, pick: '' }),
          })}
          ${field({
            name: 'minutes',
            label: t().candidates.minutes,
            value: minutes,
            inputmode: 'numeric',
            set: (minutes) => set({ minutes: minutes.replace(/\D/g, '') }),
          })}
        </section>
        ${r
          ? refusal(
              r.problem,
              r.problem.code === 'technician_ineligible'
                ? button({
                    label: t().candidates.override,
                    key: 'KeyY',
                    run: () => send({ technician: r.technician }, true, close),
                  })
                : nothing,
            )
          : nothing}
        ${!isMany && !job.value && !r
          ? loading()
          : rows.length
            ? html`<div class="choices" role="group" aria-label=${t().candidates.title}>
                ${repeat(
                  rows,
                  (one) => one.id,
                  (one, index) =>
                    html`${isFirstIneligible(rows, index)
                        ? html`<p class="choices-label">${t().candidates.ineligible}</p>`
                        : nothing}
                      <button
                        type="button"
                        class="choice ${isIneligible(one) ? 'ineligible' : ''}"
                        aria-current=${one.id === current ? 'true' : nothing}
                        ?autofocus=${index === 0}
                        ?disabled=${isBusy.value}
                        @click=${() => send({ technician: one.id }, false, close)}
                        @focus=${() => set({ pick: one.id })}
                      >
                        ${index < 9 ? cap(String(index + 1)) : html`<span></span>`}<b>${one.name}</b
                        ><span class="facts">${facts(one)}</span><span class="far">${far(one)}</span>
                      </button>`,
                )}
              </div>`
            : empty(t().candidates.none)}
        <form
          class="send-options"
          @submit=${(/** @type {Event} */ event) => {
            event.preventDefault();
            if (provider.trim()) send({ provider: provider.trim() }, false, close);
          }}
        >
          ${field({
            name: 'provider',
            label: t().candidates.provider,
            value: provider,
            set: (provider) => set({ provider }),
            problem: r?.problem ?? null,
          })}
          ${button({ label: t().candidates.toProvider, submits: true, disabled: !provider.trim(), run: () => {} })}
        </form>
        <footer>${button({ label: t().close, key: 'Escape', run: close })}</footer>`;
    },
  });
}
