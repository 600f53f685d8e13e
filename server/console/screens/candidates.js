// Choosing who goes: over the board or the job, for one job or several.
import { signal } from '../vendor/signals-core/signals-core.js';
import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { repeat } from '../vendor/lit-html/directives/repeat.js';
import { act, unsay } from '../lib/actions.js';
import { ask, everyone, listed, workOf } from '../lib/candidates.js';
import { call, Refused, Unanswered } from '../lib/http.js';
import { distance, seconds, span, t, word } from '../lib/i18n.js';
import { arrivalText, reasonText, unmetText } from '../lib/reasons.js';
import { jobs, marked, now, personName, takeJob, technicians } from '../lib/store.js';
import { button, cap, empty, field, loading, openDialog, refusal, unanswered } from '../lib/ui.js';
import { showResults } from './bulk.js';

/** @typedef {import('../lib/candidates.js').Candidate} Candidate */
/** @typedef {import('../types.js').Job} Job */

/** What is said of someone. @param {Candidate} one @param {number} at @param {string | null | undefined} branch */
function facts(one, at, branch) {
  const work = workOf(one.id);
  const first = work[0];
  const duty = one.kind === 'unasked' ? technicians.value.get(one.id)?.duty : undefined;
  // The server ranked them with the work they had then: what they have now is shown beside it.
  return html`${first
    ? html`<span>${t().candidates.busy(work.length, first.number ?? '', t().states[first.state])}</span>`
    : one.kind === 'fit'
      ? nothing
      : html`<span>${t().candidates.free}</span>`}
  ${one.provider ? html`<span>${one.provider}</span>` : nothing}
  ${duty ? html`<span class=${duty === 'on_shift' ? '' : 'against'}>${t().people.duty[duty]}</span>` : nothing}
  ${one.reasons.map((it) => {
    const { text, isAgainst } = reasonText(it, at, branch);
    return html`<span class="${isAgainst ? 'against' : ''} ${it.what}">${text}</span>`;
  })}
  ${one.unmet.map((it) => html`<span class="against ${it.what}">${unmetText(it)}</span>`)}
  ${one.isPhoneless ? html`<span class="against no_phone">${t().candidates.against.no_phone()}</span>` : nothing}`;
}

/** When they would be there, and from where. @param {Candidate} one @param {string | null | undefined} branch */
function far(one, branch) {
  if (one.kind === 'unasked') return nothing;
  if (!one.arrival)
    return one.metres === null
      ? html`<span class="muted">${t().candidates.noArrival}</span>`
      : html`<small class="muted">${t().candidates.byAir(distance(one.metres))}</small>`;
  const { likely, range, way } = arrivalText(one.arrival, branch);
  return html`<b>${t().candidates.there(likely)}</b> <small class="muted">${range}</small><br /><small class="muted"
      >${way}${one.placeAt === null
        ? nothing
        : html` · ${t().candidates.placeAge(span(Math.max(0, now.value - one.placeAt)))}`}</small
    >`;
}

/** Those who do not fit stand below a line of their own. @param {Candidate[]} rows @param {number} at */
const isFirstUnfit = (rows, at) => rows[at]?.kind === 'unfit' && rows[at - 1]?.kind !== 'unfit';

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
  const onBoard = jobs.value.get(id);

  /** What the server said of the candidates. */
  const answer = signal(/** @type {import('../types.js').Candidates | null} */ (null));
  let asked = 0;
  const load = async () => {
    if (isMany) return;
    const mine = (asked += 1);
    try {
      const [read, found] = await Promise.all([call('get', '/v1/jobs/{id}', { path: { id } }), ask(id)]);
      if (mine !== asked) return;
      job.value = read.data;
      etag.value = read.etag;
      answer.value = found;
      if (!refused.value?.technician) refused.value = null;
    } catch (error) {
      if (!(error instanceof Refused || error instanceof Unanswered)) throw error;
      if (mine !== asked) return;
      refused.value = { problem: error instanceof Refused ? error.problem : unanswered(), technician: '' };
    }
  };
  load();
  const again = () => {
    answer.value = null;
    refused.value = null;
    load();
  };

  /** @type {Candidate[] | null} */
  let frozen = null;
  /** Everyone, in the order in which they were shown first: a number sends who stood there when it was read. */
  const all = () => (technicians.value.size ? (frozen ??= everyone()) : []);
  /** Those there are, as they were ranked: nobody moves up while someone reads. */
  const list = () => {
    const rows = isMany ? all() : answer.value ? listed(answer.value) : [];
    const holder = job.value?.assignment?.kind === 'recall' ? null : job.value?.assignment?.technician;
    const wanted = state.value.filter.toLowerCase();
    const kept = rows.filter((one) => one.id !== holder && one.name.toLowerCase().includes(wanted));
    if (isMany || !wanted || !answer.value) return kept;
    // Whom the answer had no room for is found by name all the same; the server judges when they are sent.
    const known = new Set(rows.map((one) => one.id));
    const rest = all().filter((one) => !known.has(one.id) && one.id !== holder);
    return [...kept, ...rest.filter((one) => one.name.toLowerCase().includes(wanted))];
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
    const who = to.provider ?? list().find((one) => one.id === to.technician)?.name ?? '';
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
    const label = t().candidates.sending(job.value?.intake.number ?? onBoard?.number ?? '', who);
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
      { code: 'KeyR', label: t().candidates.again, run: again, hidden: isMany },
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
      const at = answer.value?.at ?? now.value;
      const branch = job.value?.intake.branch ?? onBoard?.branch;
      const wants = [
        ...(job.value?.intake.skills ?? []).map((it) => word(t().skillWords, it)),
        ...(job.value?.intake.equipment ?? []),
      ];
      return html`<h2>
          ${isMany
            ? t().candidates.titleMany(ids.length)
            : onBoard && (onBoard.technician || onBoard.provider)
              ? t().candidates.titleAgain(onBoard.number ?? '', onBoard.provider ?? personName(onBoard.technician))
              : t().candidates.titleOne(job.value?.intake.number ?? onBoard?.number ?? '')}
        </h2>
        ${isMany
          ? nothing
          : html`<p class="prose">
              ${[
                word(t().problemWords, job.value?.intake.problem ?? onBoard?.problem),
                job.value?.intake.address ?? onBoard?.address,
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
                : r.technician
                  ? nothing
                  : button({ label: t().candidates.again, key: 'KeyR', run: again }),
            )
          : nothing}
        ${!isMany && !answer.value && !r
          ? loading()
          : rows.length
            ? html`<div class="choices" role="group" aria-label=${t().candidates.title}>
                ${repeat(
                  rows,
                  (one) => one.id,
                  (one, index) =>
                    html`${isFirstUnfit(rows, index)
                        ? html`<p class="choices-label">${t().candidates.ineligible}</p>`
                        : nothing}
                      <button
                        type="button"
                        class="choice ${one.kind === 'unfit' ? 'ineligible' : ''}"
                        aria-current=${one.id === current ? 'true' : nothing}
                        ?autofocus=${index === 0}
                        ?disabled=${isBusy.value}
                        @click=${() => send({ technician: one.id }, false, close)}
                        @focus=${() => set({ pick: one.id })}
                      >
                        ${index < 9 ? cap(String(index + 1)) : html`<span></span>`}<b>${one.name}</b
                        ><span class="facts">${facts(one, at, branch)}</span
                        ><span class="far">${far(one, branch)}</span>
                      </button>`,
                )}
              </div>`
            : r && !answer.value
              ? nothing
              : empty(t().candidates.none)}
        ${answer.value
          ? html`<p class="hint">
              ${t().candidates.asOf(seconds(answer.value.at, branch), answer.value.considered)}${answer.value.more
                ? html` ${t().candidates.more}`
                : nothing}
            </p>`
          : nothing}
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
