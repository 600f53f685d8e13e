// The command line: a number, a plate or a name finds; a word does.
import { signal } from '../vendor/signals-core/signals-core.js';
import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { Refused, Unanswered, call } from '../lib/http.js';
import { t, word } from '../lib/i18n.js';
import { go } from '../lib/router.js';
import { jobs, personName, selected, technicians } from '../lib/store.js';
import { cap, openDialog } from '../lib/ui.js';

/** @typedef {import('../types.js').JobListed} JobListed */
/** @typedef {{ name: string, about: string, key?: string, run: () => void }} Hit */

/** Letters and digits alone, in one width and case. @param {string} text */
const plain = (text) =>
  text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[\s\-·.]/g, '');

/** @param {import("../lib/keys.js").Key[]} keys */
export function openCommand(keys) {
  const text = signal('');
  const at = signal(0);
  const found = signal(/** @type {JobListed[]} */ ([]));
  const isAsking = signal(false);
  let asked = 0;

  /** @param {JobListed} job @returns {Hit} */
  const ofJob = (job) => ({
    name: [job.number, job.plate].filter(Boolean).join(' · '),
    about: [
      t().states[job.state],
      word(t().problemWords, job.problem),
      job.caller,
      job.address,
      personName(job.technician),
    ]
      .filter(Boolean)
      .join(' · '),
    run: () => {
      selected.value = job.id;
      go('job', job.id);
    },
  });

  /** @returns {Hit[]} */
  function hits() {
    const query = text.value.trim();
    const wanted = plain(query);
    const command = /^(\S+)\s+(\S.*)$/.exec(query);
    /** @type {Hit[]} */
    const list = [];
    if (command && ['a', t().command.assignWord].includes(command[1] ?? '')) {
      const job = [...jobs.value.values()].find((one) => plain(one.number ?? '').endsWith(plain(command[2] ?? '')));
      if (job)
        list.push({
          name: t().command.assign(job.number ?? ''),
          about: ofJob(job).about,
          run: async () => (await import('./candidates.js')).openCandidates([job.id]),
        });
    }
    if (wanted) {
      const local = [...jobs.value.values()].filter((job) =>
        [job.number, job.plate, job.caller, job.address].some((it) => it && plain(it).includes(wanted)),
      );
      const known = new Set(local.map((job) => job.id));
      list.push(...local.slice(0, 8).map(ofJob), ...found.value.filter((job) => !known.has(job.id)).map(ofJob));
      for (const one of technicians.value.values())
        if (plain(`${one.name}${one.login}`).includes(wanted))
          list.push({ name: one.name, about: t().technician, run: () => go('people', one.id) });
    }
    for (const key of keys)
      if (!wanted || plain(key.label).includes(wanted))
        list.push({
          name: key.label,
          about: '',
          key: key.shown ?? key.code,
          run: () => key.run(new KeyboardEvent('keydown')),
        });
    return list.slice(0, 24);
  }

  async function ask() {
    const mine = (asked += 1);
    const query = text.value.trim();
    await new Promise((resolve) => setTimeout(resolve, 180));
    if (mine !== asked) return;
    if (query.length < 2) {
      found.value = [];
      return;
    }
    isAsking.value = true;
    try {
      const { data } = await call('get', '/v1/jobs', { query: { text: query.slice(0, 200), limit: 12 } });
      if (mine === asked) found.value = data.items;
    } catch (error) {
      if (!(error instanceof Refused || error instanceof Unanswered)) throw error;
    }
    isAsking.value = false;
  }

  const run = (/** @type {Hit | undefined} */ hit, /** @type {() => void} */ close) => {
    if (!hit) return;
    close();
    hit.run();
  };
  openDialog({
    label: t().keys.command,
    className: 'command',
    keys: (close) => [
      {
        code: 'ArrowDown',
        label: '',
        inFields: true,
        run: () => {
          at.value = Math.min(hits().length - 1, at.value + 1);
        },
      },
      {
        code: 'ArrowUp',
        label: '',
        inFields: true,
        run: () => {
          at.value = Math.max(0, at.value - 1);
        },
      },
      { code: 'Enter', label: '', inFields: true, run: () => run(hits()[at.value], close) },
    ],
    view: (close) => {
      const list = hits();
      return html`<input
          type="text"
          role="combobox"
          aria-expanded="true"
          aria-controls="found"
          aria-activedescendant=${list.length ? `hit-${at.value}` : nothing}
          aria-label=${t().keys.command}
          placeholder=${t().command.hint}
          autocomplete="off"
          spellcheck="false"
          autofocus
          .value=${text.value}
          @input=${(/** @type {Event} */ event) => {
            text.value = /** @type {HTMLInputElement} */ (event.target).value;
            at.value = 0;
            ask();
          }}
        />
        <div class="found" id="found" role="listbox" aria-label=${t().command.found}>
          ${list.map(
            (hit, index) =>
              html`<button
                type="button"
                role="option"
                id="hit-${index}"
                tabindex="-1"
                aria-selected=${String(index === at.value)}
                @click=${() => run(hit, close)}
              >
                <b>${hit.name}</b><span class="about">${hit.about}</span>${hit.key
                  ? html`<span class="key">${cap(hit.key)}</span>`
                  : nothing}
              </button>`,
          )}
        </div>
        <p class="hint" role="status">
          ${isAsking.value ? t().loading : list.length ? t().command.about : t().command.nothing}
        </p>`;
    },
  });
}
