// Taking a call: one page, keyboard only, with what is doubtful beside the field and what may be the same rescue
// beside the form.
import { signal } from '../vendor/signals-core/signals-core.js';
import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { repeat } from '../vendor/lit-html/directives/repeat.js';
import { act, done as say, tell } from '../lib/actions.js';
import { MOST_CALLS, addCall, calls, holdCall, removeCall } from '../lib/calls.js';
import { draftOf, keepDraft } from '../lib/drafts.js';
import { Refused, Unanswered, call } from '../lib/http.js';
import { clock, distance, span, t, word } from '../lib/i18n.js';
import { BREAKDOWNS } from '../lib/breakdowns.js';
import { go, route } from '../lib/router.js';
import { branches, me, now, selected, takeJob } from '../lib/store.js';
import { isShortLink, placeOf, promiseOf } from '../lib/typed.js';
import { badge, button, confirm, dialogs, field, finding as doubtful, icon, sentence, unplaced } from '../lib/ui.js';
import { placeText, unbroken } from './board.js';

/** @typedef {import('../types.js').Schemas['SimilarJobs']} SimilarJobs */
/** @typedef {import('../types.js').LikelyDuplicate} LikelyDuplicate */

const BLANK = {
  phone: '',
  caller: '',
  plate: '',
  problem: '',
  address: '',
  place: '',
  destination: '',
  priority: 'normal',
  branch: '',
  minutes: '',
  vin: '',
  make: '',
  model: '',
  color: '',
  year: '',
  language: '',
  remarks: '',
  skills: '',
  equipment: '',
};
/** @typedef {typeof BLANK} Form */
const FIELDS = [...Object.keys(BLANK), 'eta_by'];

const form = signal({ ...BLANK });
const isMeant = signal(false);
const problem = signal(/** @type {import('../types.js').Problem | null} */ (null));
const known = signal(/** @type {SimilarJobs | null} */ (null));
/** The queued call that is being changed: it goes back with its own key and time. */
const changed = signal(/** @type {{ id: string, takenAt: number, isDelayed: boolean } | null} */ (null));
/** What was answered to the fields that are asked about while someone types. */
const doubted = signal(/** @type {import('../types.js').Problem | null} */ (null));
let asked = 0;
let timer = 0;

/** @param {Partial<Form>} change */
function set(change) {
  form.value = { ...form.value, ...change };
  if (problem.value?.field && Object.keys(change).some((name) => problem.value?.field?.startsWith(name)))
    problem.value = null;
  keep();
  if (['phone', 'plate', 'vin', 'place', 'branch'].some((name) => name in change)) {
    clearTimeout(timer);
    timer = setTimeout(ask, 350);
  }
}

const isBlank = () =>
  Object.entries(form.value).every(([name, text]) => text === /** @type {Record<string, string>} */ (BLANK)[name]);
/** Keeps the form through a reload. */
const keep = () =>
  keepDraft('intake', isBlank() ? null : { form: form.value, isMeant: isMeant.value, changed: changed.value });

/** Asks what the server knows of what was said so far. */
async function ask() {
  const mine = (asked += 1);
  const { phone, plate, vin, place, branch } = form.value;
  const pin = placeOf(place);
  const query = {
    phone: phone.trim(),
    plate: plate.trim(),
    vin: vin.trim(),
    branch: branch || undefined,
    lat: pin?.lat,
    lon: pin?.lon,
  };
  if (!query.phone && !query.plate && !query.vin && !pin) {
    known.value = null;
    doubted.value = null;
    return;
  }
  try {
    const { data } = await call('get', '/v1/jobs/similar', { query: /** @type {any} */ (query) });
    if (mine !== asked) return;
    known.value = data;
    doubted.value = null;
  } catch (error) {
    if (error instanceof Refused) doubted.value = error.problem;
    else if (!(error instanceof Unanswered)) throw error;
  }
}

/** What is doubtful about a field, beside it. @param {string} name */
function finding(name) {
  const found = known.value?.findings.find((one) => one.field === `intake.${name}` || one.field === name);
  if (found) return doubtful(found);
  const kept = /** @type {Record<string, unknown>} */ (known.value ?? {})[name];
  const typed = /** @type {Record<string, string>} */ (form.value)[name]?.trim();
  return typeof kept === 'string' && typed && kept !== typed
    ? html`<span class="muted">${t().intake.keptAs(kept)}</span>`
    : undefined;
}

const list = (/** @type {string} */ text) =>
  text
    .split(/[,，、\n]/)
    .map((one) => one.trim())
    .filter(Boolean);

/** @param {Form} f */
const branchOf = (f) => f.branch || me.value?.branch || null;
/** @param {Form} f */
const labelOf = (f) =>
  f.caller.trim() || f.plate.trim() || f.phone.trim() || word(t().problemWords, f.problem) || t().calls.unnamed;

/** What keeps the call from being taken, as a refusal of its field. */
function missing() {
  const f = form.value;
  const of = (/** @type {string} */ field, /** @type {string} */ title) =>
    /** @type {import('../types.js').Problem} */ (
      /** @type {any} */ ({ title, code: 'entry', field, status: 0, type: '', request_id: '' })
    );
  if (f.place.trim() && !placeOf(f.place))
    return of('place', isShortLink(f.place) ? t().calls.shortLink : t().calls.noPin);
  if (!f.place.trim() && !f.address.trim()) return of('address', t().calls.needsPlace);
  if (!f.problem.trim()) return of('problem', t().intake.needsProblem);
  if (f.minutes.trim() && promiseOf(f.minutes, branchOf(f)) === null) return of('eta_by', t().calls.noPromise);
  if (calls.value.length >= MOST_CALLS) return of('', t().calls.full(MOST_CALLS));
  return null;
}

/** What is sent: fields that were left empty are left out. */
function body() {
  const f = form.value;
  const text = (/** @type {keyof Form} */ name) => f[name].trim() || undefined;
  const pin = placeOf(f.place);
  return {
    problem: f.problem.trim(),
    phone: text('phone'),
    caller: text('caller'),
    plate: text('plate'),
    vin: text('vin'),
    make: text('make'),
    model: text('model'),
    color: text('color'),
    year: f.year.trim() ? Number(f.year) || /** @type {any} */ (f.year) : undefined,
    address: text('address'),
    place: pin ?? undefined,
    destination: text('destination'),
    remarks: text('remarks'),
    language: text('language'),
    priority: /** @type {'normal'} */ (f.priority),
    branch: branchOf(f) ?? undefined,
    source: 'phone',
    skills: list(f.skills).length ? list(f.skills) : undefined,
    equipment: list(f.equipment).length ? list(f.equipment) : undefined,
    eta_by: promiseOf(f.minutes, branchOf(f)) ?? undefined,
    as_said: isMeant.value ? [/** @type {const} */ ('place')] : undefined,
  };
}

/** An answer that comes later than this moves nobody: the person may be with the next caller. */
const PROMPT_MS = 3000;
/** Whether the person has done nothing since, so that the page may follow the answer. @param {number} since */
const isWaitingFor = (since) =>
  Date.now() - since < PROMPT_MS && route.value.name === 'intake' && isBlank() && !dialogs.value.length;

const focusWrong = () =>
  requestAnimationFrame(() => {
    const wrong = document.querySelector('.intake-form [aria-invalid="true"]');
    if (wrong instanceof HTMLElement) wrong.focus();
  });

function take() {
  problem.value = missing();
  if (problem.value) {
    focusWrong();
    return;
  }
  const sentAt = Date.now();
  const before = changed.value;
  const one = {
    id: before?.id,
    label: labelOf(form.value),
    form: form.value,
    isMeant: isMeant.value,
    body: body(),
    takenAt: before?.takenAt ?? now.value,
    isDelayed: before?.isDelayed ?? false,
  };
  clear();
  toPhone();
  addCall(one, (outcome, id) => {
    const isHere = isWaitingFor(sentAt);
    if ('job' in outcome) {
      if (!isHere) {
        say(t().intake.taking(one.label));
        return;
      }
      selected.value = outcome.job.id;
      go('job', outcome.job.id);
    } else if (isHere) {
      change(id);
      problem.value = outcome.problem;
      focusWrong();
    } else tell({ label: t().intake.taking(one.label), problem: outcome.problem });
  });
}

/** Takes a queued call back into the form; what stands there is put aside. @param {string} id */
function change(id) {
  const one = removeCall(id);
  if (!one) return;
  if (!isBlank()) holdCall({ label: labelOf(form.value), form: form.value, isMeant: isMeant.value });
  form.value = { ...BLANK, ...one.form };
  isMeant.value = one.isMeant;
  problem.value = one.problem ?? null;
  changed.value = one.state === 'held' ? null : { id: one.id, takenAt: one.takenAt, isDelayed: one.isDelayed };
  keep();
  ask();
}

/** @param {import('../lib/calls.js').Call} one */
const cancel = (one) =>
  confirm({
    title: t().calls.cancelOf(one.label),
    text: one.isTried && one.state !== 'refused' ? t().calls.cancelTried : t().calls.cancelAbout,
    yes: t().calls.cancel,
    run: () => {
      removeCall(one.id);
    },
  });

function clear() {
  form.value = { ...BLANK };
  changed.value = null;
  known.value = null;
  doubted.value = null;
  problem.value = null;
  isMeant.value = false;
  asked += 1;
  clearTimeout(timer);
  keep();
}

/** The call is about a rescue that is known: what the caller said is noted there. @param {LikelyDuplicate} twin */
async function join(twin) {
  const f = form.value;
  const held = { label: labelOf(f), form: f, isMeant: isMeant.value };
  const said = [f.caller, f.phone, f.plate, f.address, f.problem && word(t().problemWords, f.problem), f.remarks]
    .map((one) => one.trim())
    .filter(Boolean);
  const sentAt = Date.now();
  clear();
  toPhone();
  const done = await act(t().intake.joining(twin.number ?? ''), 'post', '/v1/jobs/{id}/notes', {
    path: { id: twin.id },
    body: { text: t().intake.joined(said.join(' · ')) },
  });
  if (!done.ok) {
    holdCall(held);
    return;
  }
  takeJob(done.data, done.etag);
  if (isWaitingFor(sentAt)) go('job', twin.id);
}

const callView = (/** @type {import('../lib/calls.js').Call} */ one) =>
  html`<li class="twin queued ${one.state}">
    <div class="row"><b>${one.label}</b><span class="muted">${clock(one.takenAt, one.form.branch || null)}</span></div>
    <p>${one.state === 'refused' ? sentence(one.problem) : t().calls.states[one.state]}</p>
    ${one.state === 'sending' || one.job
      ? nothing
      : html`<div class="row">
          ${button({ label: t().calls.edit, run: () => change(one.id) })}${button({
            label: t().calls.cancel,
            kind: 'quiet',
            run: () => cancel(one),
          })}
        </div>`}
  </li>`;

/** @param {LikelyDuplicate} twin @param {number} at */
const twinView = (twin, at) =>
  html`<li class="twin">
    <div class="row">
      <span class="row"
        ><span class="number">${twin.number ?? t().board.noNumber}</span>${twin.plate
          ? html`<span class="plate">${unbroken(twin.plate)}</span>`
          : nothing}</span
      ><span class="muted">${t().states[twin.state]}</span>
    </div>
    <p>${word(t().problemWords, twin.problem)} · ${placeText(twin)}</p>
    <p class="row">
      ${twin.reasons.map((reason) => badge(t().likeness[reason], 'attention'))}<span class="muted"
        >${[
          twin.distance_m !== null && twin.distance_m !== undefined ? t().intake.away(distance(twin.distance_m)) : '',
          t().intake.before(span(twin.minutes_apart * 60_000)),
        ]
          .filter(Boolean)
          .join(' · ')}</span
      >
    </p>
    <div class="row">
      ${button({ label: t().intake.join, key: at === 0 ? 'Alt+J' : undefined, run: () => join(twin) })}${button({
        label: t().keys.open,
        kind: 'quiet',
        run: () => go('job', twin.id),
      })}
    </div>
  </li>`;

export function view() {
  const f = form.value;
  const promise = promiseOf(f.minutes, branchOf(f));
  const p = problem.value ?? doubted.value;
  const twins = known.value?.likely_duplicates ?? [];
  const open = [...branches.value.values()].filter((one) => one.active);
  const input = (
    /** @type {keyof Form} */ name,
    /** @type {string} */ label,
    /** @type {Partial<import('../lib/ui.js').Field>} */ more = {},
  ) =>
    field({
      name,
      label,
      value: f[name],
      set: (value) => set({ [name]: value }),
      problem: p,
      note: finding(name),
      ...more,
    });
  const needsWord =
    p?.code === 'needs_confirmation' || known.value?.findings.some((one) => one.field?.endsWith('place'));
  return html`<h1 class="unseen">${t().nav.intake}</h1>
    <div class="intake-grid">
      <form
        class="panel intake-form"
        aria-label=${t().nav.intake}
        novalidate
        @submit=${(/** @type {Event} */ event) => {
          event.preventDefault();
          take();
        }}
      >
        <h2><span>${t().intake.who}</span></h2>
        ${input('phone', t().intake.phone, { inputmode: 'tel', first: true })}${input(
          'caller',
          t().intake.caller,
        )}${input('plate', t().intake.plate)}
        <h2>${t().intake.where}</h2>
        ${input('address', t().intake.address, {
          className: 'half',
          hint: t().intake.addressHint,
          required: !f.place.trim(),
        })}
        ${input('place', t().intake.place, {
          className: 'half',
          hint: placeOf(f.place)
            ? t().intake.pin(placeOf(f.place)?.lat.toFixed(5) ?? '', placeOf(f.place)?.lon.toFixed(5) ?? '')
            : f.place.trim()
              ? isShortLink(f.place)
                ? t().calls.shortLink
                : t().intake.noPin
              : t().intake.placeHint,
          note: html`${finding('place') ?? nothing}${needsWord
            ? html`<label class="row"
                ><input
                  type="checkbox"
                  .checked=${isMeant.value}
                  @change=${(/** @type {Event} */ event) => {
                    isMeant.value = /** @type {HTMLInputElement} */ (event.target).checked;
                    keep();
                  }}
                />${t().intake.asSaid}</label
              >`
            : nothing}`,
        })}
        <h2>${t().intake.what}</h2>
        <div class="chips" role="group" aria-label=${t().intake.usual}>
          ${BREAKDOWNS.map(
            (one) =>
              html`<button
                type="button"
                aria-pressed=${String(f.problem === one)}
                @click=${() => set({ problem: one })}
              >
                ${word(t().problemWords, one)}
              </button>`,
          )}
        </div>
        ${field({
          name: 'problem',
          label: t().intake.problem,
          value: f.problem in t().problemWords ? word(t().problemWords, f.problem) : f.problem,
          className: 'half',
          required: true,
          problem: p,
          set: (value) =>
            set({ problem: Object.entries(t().problemWords).find(([, shown]) => shown === value)?.[0] ?? value }),
          list: BREAKDOWNS.map((one) => word(t().problemWords, one)),
        })}
        ${input('priority', t().priority, { className: 'quarter', options: Object.entries(t().priorities) })}
        ${input('minutes', t().intake.minutes, {
          className: 'quarter',
          field: 'eta_by',
          hint: promise
            ? t().intake.until(clock(promise, branchOf(f)))
            : f.minutes.trim()
              ? t().calls.noPromise
              : t().intake.minutesHint,
        })}
        ${input('remarks', t().intake.remarks, { wide: true, rows: 2 })}
        <h2>${t().intake.vehicle}</h2>
        ${input('make', t().intake.make, { className: 'quarter' })}${input('model', t().intake.model, {
          className: 'quarter',
        })}${input('color', t().intake.color, { className: 'quarter' })}${input('year', t().intake.year, {
          className: 'quarter',
          inputmode: 'numeric',
        })}
        ${input('vin', t().intake.vin)}${input('destination', t().intake.destination)}
        ${open.length > 1 && !me.value?.branch
          ? input('branch', t().branch, {
              options: [['', '–'], ...open.map((one) => /** @type {const} */ ([one.id, one.name]))],
            })
          : nothing}
        ${input('skills', t().intake.skills, { hint: t().intake.commas, className: 'half' })}${input(
          'equipment',
          t().intake.equipment,
          { hint: t().intake.commas, className: 'half' },
        )}
        ${unplaced(problem.value, FIELDS)}
        <footer>
          ${button({
            label: t().intake.take,
            key: 'Ctrl+Enter',
            kind: 'primary',
            submits: true,
            run: () => {},
          })}${button({ label: t().intake.discard, kind: 'quiet', run: clear })}<span class="hint"
            >${t().intake.about}</span
          >
        </footer>
      </form>
      <aside class="beside" aria-label=${t().intake.beside}>
        ${calls.value.length
          ? html`<section class="panel attention" aria-label=${t().calls.title}>
              <header>
                ${icon('soon')}
                <h2>${t().calls.title}</h2>
              </header>
              <ol>
                ${repeat(calls.value, (one) => one.id, callView)}
              </ol>
            </section>`
          : nothing}
        <section class="panel ${twins.length ? 'attention' : ''}">
          <header>
            ${twins.length ? icon('decide') : nothing}
            <h2>${t().intake.twins}</h2>
          </header>
          ${twins.length
            ? html`<div role="status">
                <ol>
                  ${twins.slice(0, 6).map(twinView)}
                </ol>
              </div>`
            : html`<p class="empty">${known.value ? t().intake.noTwins : t().intake.twinsLater}</p>`}
        </section>
      </aside>
    </div>`;
}

/** @returns {import('../lib/keys.js').Key[]} */
export const keys = () => [
  { code: 'Ctrl+Enter', label: t().intake.take, inFields: true, run: take },
  {
    code: 'Alt+KeyJ',
    label: t().intake.join,
    inFields: true,
    run: () => {
      const twin = known.value?.likely_duplicates[0];
      if (twin) join(twin);
    },
  },
  { code: 'Escape', label: t().nav.board, inFields: true, run: () => go('board') },
];

const toPhone = () =>
  requestAnimationFrame(() => requestAnimationFrame(() => document.getElementById('f-phone')?.focus()));

export function open() {
  const kept = isBlank() ? draftOf('intake') : null;
  if (kept?.form) {
    form.value = { ...BLANK, ...kept.form };
    isMeant.value = Boolean(kept.isMeant);
    changed.value = kept.changed ?? null;
    ask();
  }
  toPhone();
}
