// Fields of a job that are changed where they stand. Who changed one meanwhile is shown beside what was typed.
import { effect, signal, untracked } from '../vendor/signals-core/signals-core.js';
import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { act, tell } from '../lib/actions.js';
import { Refused, Unanswered, call } from '../lib/http.js';
import { clock, t } from '../lib/i18n.js';
import { opened, took } from '../lib/open_job.js';
import { personName, restores } from '../lib/store.js';
import { button, field } from '../lib/ui.js';

/** @typedef {import('../types.js').Job} Job */
/** @typedef {import('../types.js').JobChange} JobChange */
/**
 * A field: how it is shown, typed and sent.
 * @typedef {object} Editable
 * @property {string} name
 * @property {string} label
 * @property {(job: Job) => string} shown
 * @property {(job: Job) => string} [typed] what stands in the field to begin with, if not what is shown
 * @property {(text: string, job: Job) => JobChange} change
 * @property {Array<readonly [string, string]>} [options]
 * @property {string[]} [list]
 * @property {number} [rows]
 * @property {string} [hint]
 * @property {string} [inputmode]
 * @property {string[]} [history] keys under which the story has it, as `section.key`
 */

/**
 * @typedef {object} Editing
 * @property {string} job whose field it is
 * @property {string} name
 * @property {string} text
 * @property {string} seen what stood there, as it is shown
 * @property {string} from and as it is typed
 * @property {string} etag
 * @property {boolean} isBusy
 * @property {import('../types.js').Problem | null} problem
 * @property {string | null} theirs
 * @property {boolean} isMeant
 */
const editing = signal(/** @type {Editing | null} */ (null));

// After a restore another change may have the version that was seen: what was seen stands no more.
effect(() => {
  if (restores.value === 0) return;
  const mine = untracked(() => editing.value);
  if (mine) editing.value = { ...mine, etag: '"v0"' };
});

/** @param {NonNullable<typeof editing.value>} change */
const set = (change) => {
  editing.value = change;
};

/** Begins to change a field. @param {Editable} one @param {Job} job */
function begin(one, job) {
  const text = (one.typed ?? one.shown)(job);
  set({
    job: job.id,
    name: one.name,
    text,
    seen: one.shown(job),
    from: text,
    etag: opened.value?.etag ?? '',
    isBusy: false,
    problem: null,
    theirs: null,
    isMeant: false,
  });
  requestAnimationFrame(() => {
    const input = document.getElementById(`f-${one.name}`);
    if (input instanceof HTMLElement) input.focus();
    if (input instanceof HTMLInputElement) input.select();
  });
}

/** Forgets what is typed: the job is left. */
export function forget() {
  editing.value = null;
}

/** Whether this is what is typed still. @param {Editing} mine */
const isOpen = (mine) => editing.value?.job === mine.job && editing.value.name === mine.name;

/** @param {string} name */
function end(name) {
  editing.value = null;
  requestAnimationFrame(() => document.getElementById(`edit-${name}`)?.focus());
}

/** @param {Editable} one */
async function save(one) {
  const mine = editing.value;
  const now = opened.value;
  if (!mine || !now?.job || now.id !== mine.job || mine.name !== one.name || mine.isBusy) return;
  set({ ...mine, isBusy: true, problem: null });
  const body = {
    ...one.change(mine.text.trim(), now.job),
    ...(mine.isMeant ? { as_said: /** @type {Array<'place'>} */ (['place']) } : {}),
  };
  const done = await act(
    t().job.saving(one.label),
    'patch',
    '/v1/jobs/{id}',
    { path: { id: mine.job }, body, ifMatch: mine.etag },
    { quiet: true },
  );
  if (done.ok) {
    took(done.data, done.etag);
    if (isOpen(mine)) end(one.name);
    return;
  }
  if (!isOpen(mine)) {
    tell({ label: `${t().job.saving(one.label)} ${now.job.intake.number ?? ''}`, problem: done.problem });
    return;
  }
  if (done.problem.code !== 'changed_meanwhile') {
    set({ ...mine, isBusy: false, problem: done.problem });
    return;
  }
  // Something was changed. Only if it was this field does a person have to choose.
  let read;
  try {
    read = await call('get', '/v1/jobs/{id}', { path: { id: mine.job } });
  } catch (error) {
    if (!(error instanceof Refused || error instanceof Unanswered)) throw error;
    if (isOpen(mine)) set({ ...mine, isBusy: false, problem: done.problem });
    return;
  }
  const { data, etag } = read;
  if (opened.value?.id === mine.job) opened.value = { ...opened.value, job: data, etag };
  if (!isOpen(mine)) {
    tell({ label: `${t().job.saving(one.label)} ${now.job.intake.number ?? ''}`, problem: done.problem });
    return;
  }
  const [theirs, from] = [one.shown(data), (one.typed ?? one.shown)(data)];
  const isSame = theirs === mine.seen && from === mine.from;
  // What was shown once and chosen against is not asked for again.
  set({ ...mine, isBusy: false, etag: etag ?? '', seen: theirs, from, theirs: isSame ? null : theirs });
  if (isSame) await save(one);
}

/** Who set it last. @param {Editable} one @param {Job} job */
function lastBy(one, job) {
  const keys = one.history ?? [`intake.${one.name}`];
  const item = job.timeline.findLast((it) => keys.includes(`${it.section}.${it.what}`));
  return item ? `${personName(item.by) || t().job.someone}, ${clock(item.at, job.intake.branch)}` : '';
}

/** A row of the list of fields. @param {Editable} one @param {Job} job @param {unknown} [note] */
export function row(one, job, note) {
  const mine = editing.value?.job === job.id && editing.value.name === one.name ? editing.value : null;
  const text = one.shown(job);
  if (!mine) {
    return html`<dt>${one.label}</dt>
      <dd>
        <button
          type="button"
          id="edit-${one.name}"
          class="editable ${text ? '' : 'unset'}"
          aria-label="${one.label}: ${text || t().job.unset}"
          @click=${() => begin(one, job)}
        >
          <span class="typed">${text || '–'}</span></button
        >${note ?? nothing}
      </dd>`;
  }
  const other = { label: t().back, kind: /** @type {const} */ ('quiet'), run: () => end(one.name) };
  return html`<dt>${one.label}</dt>
    <dd>
      <form
        class="editing"
        @submit=${(/** @type {Event} */ event) => {
          event.preventDefault();
          save(one);
        }}
        @keydown=${(/** @type {KeyboardEvent} */ event) => {
          if (event.key === 'Escape' && !event.isComposing) {
            event.stopPropagation();
            end(one.name);
          }
        }}
      >
        ${field({
          name: one.name,
          label: one.label,
          value: mine.text,
          set: (text) => set({ ...mine, ...editing.value, text }),
          problem: mine.problem && { ...mine.problem, field: one.name },
          options: one.options,
          list: one.list,
          rows: one.rows,
          hint: one.hint,
          inputmode: one.inputmode,
        })}
        ${mine.problem?.code === 'needs_confirmation'
          ? html`<label class="row"
              ><input
                type="checkbox"
                .checked=${mine.isMeant}
                @change=${() => set({ ...mine, isMeant: !mine.isMeant })}
              />${t().intake.asSaid}</label
            >`
          : nothing}
        ${mine.theirs === null
          ? nothing
          : html`<div class="conflict" role="alert">
              <p>${t().job.conflict}</p>
              <div class="side">
                <span class="muted">${t().job.theirs(lastBy(one, job))}</span><b>${mine.theirs || '–'}</b>${button({
                  label: t().job.takeTheirs,
                  run: () => end(one.name),
                })}
              </div>
              <div class="side">
                <span class="muted">${t().job.mine}</span><b>${mine.text || '–'}</b>${button({
                  label: t().job.keepMine,
                  kind: 'primary',
                  submits: true,
                  disabled: mine.isBusy,
                  run: () => {},
                })}
              </div>
            </div>`}
        ${mine.theirs === null
          ? html`<div class="row">
              ${button({
                label: mine.isBusy ? t().actions.sending : t().save,
                key: 'Enter',
                kind: 'primary',
                submits: true,
                disabled: mine.isBusy,
                run: () => {},
              })}${button(other)}
            </div>`
          : nothing}
      </form>
    </dd>`;
}
