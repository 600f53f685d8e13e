// Taking a call: one page, keyboard only, with what is doubtful beside the field and what may be the same rescue
// beside the form.
import { signal } from '../vendor/signals-core/signals-core.js';
import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { act } from '../lib/actions.js';
import { Refused, Unanswered, call } from '../lib/http.js';
import { clock, distance, span, t, word } from '../lib/i18n.js';
import { BREAKDOWNS } from '../lib/breakdowns.js';
import { go } from '../lib/router.js';
import { branches, me, now, selected, takeJob } from '../lib/store.js';
import { badge, button, field, finding as doubtful, icon, unplaced } from '../lib/ui.js';
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
const isBusy = signal(false);
/** What was answered to the fields that are asked about while someone types. */
const doubted = signal(/** @type {import('../types.js').Problem | null} */ (null));
let asked = 0;
let timer = 0;

/** @param {Partial<Form>} change */
function set(change) {
  form.value = { ...form.value, ...change };
  if (problem.value?.field && Object.keys(change).some((name) => problem.value?.field?.startsWith(name)))
    problem.value = null;
  if (['phone', 'plate', 'vin', 'place', 'branch'].some((name) => name in change)) {
    clearTimeout(timer);
    timer = setTimeout(ask, 350);
  }
}

/** A pin as people paste it: two numbers, or the link of a map. @param {string} text */
export function placeOf(text) {
  const wide = text.normalize('NFKC');
  const found = /(-?\d{1,2}\.\d+|-?\d{1,2})\s*[,/ ]\s*(-?\d{1,3}\.\d+|-?\d{1,3})(?!\d)/.exec(
    /[@=!]/.test(wide) ? wide.replace(/.*?[@=](-?\d{1,2}\.\d+),(-?\d{1,3}\.\d+).*/, '$1,$2') : wide,
  );
  if (!found) return null;
  const [lat, lon] = [Number(found[1]), Number(found[2])];
  return Math.abs(lat) <= 90 && Math.abs(lon) <= 180 ? { lat, lon } : null;
}

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
    branch: f.branch || me.value?.branch || undefined,
    source: 'phone',
    skills: list(f.skills).length ? list(f.skills) : undefined,
    equipment: list(f.equipment).length ? list(f.equipment) : undefined,
    eta_by: Number(f.minutes) > 0 ? Math.round(now.value + Number(f.minutes) * 60_000) : undefined,
    as_said: isMeant.value ? [/** @type {const} */ ('place')] : undefined,
  };
}

async function take() {
  if (isBusy.value) return;
  if (!form.value.problem.trim()) {
    /** @type {any} */
    const missing = {
      title: t().intake.needsProblem,
      code: 'missing',
      field: 'problem',
      status: 0,
      type: '',
      request_id: '',
    };
    problem.value = missing;
    document.getElementById('f-problem')?.focus();
    return;
  }
  isBusy.value = true;
  problem.value = null;
  const done = await act(
    t().intake.taking(form.value.caller || form.value.plate || word(t().problemWords, form.value.problem)),
    'post',
    '/v1/jobs',
    { body: body() },
  );
  isBusy.value = false;
  if (!done.ok) {
    problem.value = done.problem;
    requestAnimationFrame(() => {
      const wrong = document.querySelector('[aria-invalid="true"]');
      if (wrong instanceof HTMLElement) wrong.focus();
    });
    return;
  }
  takeJob(done.data, done.etag);
  selected.value = done.data.id;
  clear();
  go('job', done.data.id);
}

function clear() {
  form.value = { ...BLANK };
  known.value = null;
  doubted.value = null;
  problem.value = null;
  isMeant.value = false;
}

/** The call is about a rescue that is known: what the caller said is noted there. @param {LikelyDuplicate} twin */
async function join(twin) {
  const f = form.value;
  const said = [f.caller, f.phone, f.plate, f.address, f.problem && word(t().problemWords, f.problem), f.remarks]
    .map((one) => one.trim())
    .filter(Boolean);
  const done = await act(t().intake.joining(twin.number ?? ''), 'post', '/v1/jobs/{id}/notes', {
    path: { id: twin.id },
    body: { text: t().intake.joined(said.join(' · ')) },
  });
  if (!done.ok) return;
  takeJob(done.data, done.etag);
  clear();
  go('job', twin.id);
}

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
        ${input('address', t().intake.address, { className: 'half', hint: t().intake.addressHint })}
        ${input('place', t().intake.place, {
          className: 'half',
          hint: placeOf(f.place)
            ? t().intake.pin(placeOf(f.place)?.lat.toFixed(5) ?? '', placeOf(f.place)?.lon.toFixed(5) ?? '')
            : f.place
              ? t().intake.noPin
              : t().intake.placeHint,
          note: html`${finding('place') ?? nothing}${needsWord
            ? html`<label class="row"
                ><input
                  type="checkbox"
                  .checked=${isMeant.value}
                  @change=${(/** @type {Event} */ event) => {
                    isMeant.value = /** @type {HTMLInputElement} */ (event.target).checked;
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
          inputmode: 'numeric',
          field: 'eta_by',
          hint:
            Number(f.minutes) > 0
              ? t().intake.until(clock(now.value + Number(f.minutes) * 60_000, f.branch || null))
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
            disabled: isBusy.value,
            run: () => {},
          })}${button({ label: t().intake.discard, kind: 'quiet', run: clear })}<span class="hint"
            >${t().intake.about}</span
          >
        </footer>
      </form>
      <aside class="beside" aria-label=${t().intake.beside}>
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

export function open() {
  requestAnimationFrame(() => requestAnimationFrame(() => document.getElementById('f-phone')?.focus()));
}
