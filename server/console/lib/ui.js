// Pieces that screens are made of.
import { signal } from '../vendor/signals-core/signals-core.js';
import { html, nothing, svg } from '../vendor/lit-html/lit-html.js';
import { live } from '../vendor/lit-html/directives/live.js';
import { ref } from '../vendor/lit-html/directives/ref.js';
import { repeat } from '../vendor/lit-html/directives/repeat.js';
import { flush } from './draw.js';
import { language, t, word } from './i18n.js';
import { keyName, push } from './keys.js';

/** @typedef {import('../types.js').Problem} Problem */
/** @typedef {unknown} View */

/** A key-cap. @param {string | undefined} code */
export const cap = (code) => (code ? html`<kbd aria-hidden="true">${keyName(code)}</kbd>` : nothing);

/**
 * @typedef {object} Button
 * @property {string} label
 * @property {() => void} run
 * @property {string} [key] shown in it; the screen binds it
 * @property {'primary' | 'danger' | 'quiet'} [kind]
 * @property {boolean} [disabled]
 * @property {string} [title]
 * @property {boolean} [submits]
 * @property {boolean} [pressed]
 * @property {boolean} [first] takes the focus when it appears
 */
/** @param {Button} b */
export const button = (b) =>
  html`<button
    type=${b.submits ? 'submit' : 'button'}
    class="button ${b.kind ?? ''}"
    ?disabled=${b.disabled ?? false}
    title=${b.title ?? nothing}
    aria-pressed=${b.pressed === undefined ? nothing : String(b.pressed)}
    aria-keyshortcuts=${b.key ? keyName(b.key) : nothing}
    ?autofocus=${b.first ?? false}
    @click=${b.submits ? nothing : b.run}
  >
    ${b.label}${cap(b.key)}
  </button>`;

const PATHS = /** @type {const} */ ({
  late: 'M8 2.2 14.6 13.6H1.4Z',
  decide: 'M8 1.5 14.5 8 8 14.5 1.5 8Z',
  urgent: 'M2.5 8.2 8 2.7l5.5 5.5M2.5 13.4 8 7.9l5.5 5.5',
  silent: 'M1.8 1.8l12.4 12.4M4.2 7.2a6 6 0 0 1 2-1.1M9.6 5.9a6 6 0 0 1 2.3 1.3M6.3 9.6a2.8 2.8 0 0 1 3.4 0M8 12.6h.01',
  done: 'M2.6 8.4 6.2 12l7.2-8',
  no: 'M3.2 3.2l9.6 9.6M12.8 3.2 3.2 12.8',
  soon: 'M8 4v4.2l2.8 1.8M14.2 8A6.2 6.2 0 1 1 1.8 8a6.2 6.2 0 0 1 12.4 0Z',
  changed: 'M2 5.5h9.5L9 3M14 10.5H4.5L7 13',
});
/** @param {keyof typeof PATHS} name */
export const icon = (name) =>
  html`<svg class="icon ${name}" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
    ${svg`<path d=${PATHS[name]} />`}
  </svg>`;

/**
 * @param {View} text
 * @param {'' | 'alarm' | 'attention' | 'good' | 'muted'} [kind]
 * @param {keyof typeof PATHS} [sign]
 */
export const badge = (text, kind = '', sign) =>
  html`<span class="badge ${kind}">${sign ? icon(sign) : nothing}<span>${text}</span></span>`;

/**
 * What is doubtful about a value, in the language of the desk where it knows the reason.
 * @param {{ reason?: string | null, sentence: string }} one
 */
export function finding(one) {
  const own = word(t().findingWords, one.reason);
  const isKnown = own !== one.reason && own !== '' && language.value !== 'en';
  return html`<span class="finding"
    >${icon('soon')}${isKnown
      ? html`<span title=${one.sentence}>${own}</span>`
      : html`<span lang="en">${one.sentence}</span>`}</span
  >`;
}

/** Codes that say only that a value is wrong: the sentence of the field says more. */
const ABOUT_A_VALUE = ['invalid', 'bad_json', 'unknown_reference'];
/** The server's own words are shown unless they name parts of its interface. @param {string} detail */
const isForPeople = (detail) => !/[`"{}]|\w_\w|\boverride\b|If-Match/.test(detail);

/**
 * What a refusal says: the sentence of its field or of its code, in the language of the desk; where there is none for
 * the field, the server's own too.
 * @param {Problem | null | undefined} problem
 */
export function sentence(problem) {
  if (!problem) return nothing;
  const field = problem.field?.split('.')[0] ?? '';
  if (ABOUT_A_VALUE.includes(problem.code) && Object.hasOwn(t().fieldProblems, field)) return t().fieldProblems[field];
  const title = word(t().problems, problem.code);
  const own = title === problem.code ? problem.title : title;
  return html`${own}${problem.detail && isForPeople(problem.detail)
    ? html` <span lang="en" class="said">${problem.detail}</span>`
    : nothing}`;
}
/** @param {Problem | null | undefined} problem @param {View} [more] */
export const refusal = (problem, more) =>
  problem
    ? html`<div class="refusal" role="alert">
        ${icon('no')}
        <p>${sentence(problem)}</p>
        ${more ?? nothing}
      </div>`
    : nothing;

/** What is said where no answer came. @returns {Problem} */
export const unanswered = () =>
  /** @type {any} */ ({ type: '', title: t().unanswered, status: 0, code: 'unanswered', request_id: '' });

/**
 * @typedef {object} Field
 * @property {string} name
 * @property {string} label
 * @property {string} value
 * @property {(value: string) => void} set
 * @property {string} [type]
 * @property {Problem | null} [problem] shown here if it names this field
 * @property {string} [field] as problems name it, if not as `name`
 * @property {View} [note]
 * @property {string} [hint]
 * @property {Array<readonly [string, string]>} [options] makes it a list to choose from
 * @property {Array<string>} [list] usual values
 * @property {boolean} [required]
 * @property {boolean} [wide]
 * @property {number} [rows] makes it an area of text
 * @property {string} [autocomplete]
 * @property {string} [inputmode]
 * @property {boolean} [first] takes the focus when it appears
 * @property {() => void} [left] when the focus goes on
 * @property {string} [className]
 */
/** @param {Field} f */
export function field(f) {
  const id = `f-${f.name.replace(/\W/g, '-')}`;
  const isConcerned =
    f.problem && (f.problem.field === (f.field ?? f.name) || f.problem.field?.startsWith(`${f.field ?? f.name}.`));
  const described = [isConcerned ? `${id}-error` : '', f.note ? `${id}-note` : '', f.hint ? `${id}-hint` : '']
    .filter(Boolean)
    .join(' ');
  const changed = (/** @type {Event} */ event) => f.set(/** @type {HTMLInputElement} */ (event.target).value);
  const invalid = isConcerned ? 'true' : nothing;
  const about = described || nothing;
  const first = f.first ?? false;
  let control;
  if (f.options) {
    control = html`<select
      id=${id}
      name=${f.name}
      @change=${changed}
      aria-invalid=${invalid}
      aria-describedby=${about}
      ?required=${f.required ?? false}
      ?autofocus=${first}
    >
      ${f.options.map(
        ([value, label]) => html`<option value=${value} .selected=${value === f.value}>${label}</option>`,
      )}
    </select>`;
  } else if (f.rows) {
    control = html`<textarea
      id=${id}
      name=${f.name}
      rows=${f.rows}
      .value=${live(f.value)}
      @input=${changed}
      @blur=${f.left ?? nothing}
      aria-invalid=${invalid}
      aria-describedby=${about}
      ?autofocus=${first}
    ></textarea>`;
  } else {
    control = html`<input
        id=${id}
        name=${f.name}
        type=${f.type ?? 'text'}
        .value=${live(f.value)}
        @input=${changed}
        @blur=${f.left ?? nothing}
        aria-invalid=${invalid}
        aria-describedby=${about}
        ?required=${f.required ?? false}
        list=${f.list ? `${id}-list` : nothing}
        autocomplete=${f.autocomplete ?? 'off'}
        inputmode=${f.inputmode ?? nothing}
        spellcheck="false"
        ?autofocus=${first}
      />
      ${f.list
        ? html`<datalist id="${id}-list">${f.list.map((value) => html`<option value=${value}></option>`)}</datalist>`
        : nothing}`;
  }
  return html`<div class="field ${f.wide ? 'wide' : ''} ${f.className ?? ''}">
    <label for=${id}>${f.label}${f.required ? html`<span class="must" aria-hidden="true">·</span>` : nothing}</label
    >${control} ${f.hint ? html`<p class="hint" id="${id}-hint">${f.hint}</p>` : nothing}
    ${f.note ? html`<div class="note" id="${id}-note">${f.note}</div>` : nothing}
    ${isConcerned
      ? html`<p class="error" id="${id}-error" role="alert">${icon('no')}<span>${sentence(f.problem)}</span></p>`
      : nothing}
  </div>`;
}

/** A problem that names none of the fields that are shown. @param {Problem | null} problem @param {string[]} fields */
export const unplaced = (problem, fields) =>
  refusal(
    problem && !fields.some((name) => problem.field === name || problem.field?.startsWith(`${name}.`)) ? problem : null,
  );

/**
 * @typedef {object} Dialog
 * @property {number} id
 * @property {string} label
 * @property {string} className
 * @property {() => View} view
 * @property {() => void} close
 */
export const dialogs = signal(/** @type {Dialog[]} */ ([]));
let last = 0;

/**
 * Opens something over the screen. It has the keys until it is closed; Esc closes it.
 * @param {{
 *   label: string,
 *   view: (close: () => void) => View,
 *   keys?: (close: () => void) => import('./keys.js').Key[],
 *   className?: string,
 *   closed?: () => void,
 *   stays?: boolean,
 * }} what
 * @returns {() => void} closes it
 */
export function openDialog(what) {
  const id = (last += 1);
  const back = document.activeElement;
  const close = () => {
    if (!dialogs.value.some((dialog) => dialog.id === id)) return;
    dialogs.value = dialogs.value.filter((dialog) => dialog.id !== id);
    unbind();
    what.closed?.();
    if (back instanceof HTMLElement && back.isConnected) requestAnimationFrame(() => back.focus());
  };
  const unbind = push(() => what.keys?.(close) ?? [], true);
  dialogs.value = [
    ...dialogs.value,
    {
      id,
      label: what.label,
      className: what.className ?? '',
      view: () => what.view(close),
      close: what.stays ? () => {} : close,
    },
  ];
  flush();
  return close;
}

/**
 * A part of the page for itself: what cannot be shown says so, and the rest lives.
 * @param {() => View} view @param {() => void} [close]
 */
export function guarded(view, close) {
  try {
    return view();
  } catch (error) {
    console.error(error);
    return html`<div class="refusal" role="alert">
      ${icon('no')}
      <p>${t().broken} <span lang="en" class="said">${String(error)}</span></p>
      ${close ? button({ label: t().close, run: close }) : button({ label: t().reload, run: () => location.reload() })}
    </div>`;
  }
}

/** Shows a dialog once it is in the page. @param {Element | undefined} element */
export const modal = (element) =>
  queueMicrotask(() => {
    if (!(element instanceof HTMLDialogElement) || element.open || !element.isConnected) return;
    element.showModal();
    focusFirst(element);
  });

/** All that lies over the screen. */
export const dialogsView = () =>
  repeat(
    dialogs.value,
    (dialog) => dialog.id,
    (dialog) =>
      html`<dialog
        class="dialog ${dialog.className}"
        aria-label=${dialog.label}
        ${ref(modal)}
        @cancel=${(/** @type {Event} */ event) => {
          event.preventDefault();
          dialog.close();
        }}
      >
        ${guarded(dialog.view, dialog.close)}
      </dialog>`,
  );

/** @param {HTMLElement} element */
export function focusFirst(element) {
  requestAnimationFrame(() => {
    const first = element.querySelector('[autofocus]') ?? element.querySelector('input, select, textarea, button');
    if (first instanceof HTMLElement) first.focus();
  });
}

/**
 * Asks before something that cannot be undone.
 * @param {{ title: string, text: View, yes: string, run: () => void }} what
 */
export function confirm(what) {
  openDialog({
    label: what.title,
    className: 'small',
    keys: (close) => [
      {
        code: 'KeyY',
        label: what.yes,
        run: () => {
          close();
          what.run();
        },
      },
      { code: 'KeyN', label: t().cancel, run: close },
    ],
    view: (close) =>
      html`<h2>${what.title}</h2>
        <div class="prose">${what.text}</div>
        <footer>
          ${button({
            label: what.yes,
            key: 'KeyY',
            kind: 'danger',
            run: () => {
              close();
              what.run();
            },
          })}
          ${button({ label: t().cancel, key: 'KeyN', run: close, first: true })}
        </footer>`,
  });
}

/** @param {View} text */
export const empty = (text) => html`<p class="empty">${text}</p>`;
export const loading = () => html`<p class="empty" aria-busy="true">${t().loading}</p>`;

/**
 * Tabs that the keys 1 to 9 open.
 * @param {string} label
 * @param {Array<readonly [string, string]>} tabs
 * @param {string} open
 * @param {(name: string) => void} choose
 */
export const tabs = (label, tabs, open, choose) =>
  html`<div class="tabs" role="group" aria-label=${label}>
    ${tabs.map(
      ([name, text], at) =>
        html` <button type="button" aria-pressed=${String(name === open)} @click=${() => choose(name)}>
          ${text}${cap(String(at + 1))}
        </button>`,
    )}
  </div>`;
