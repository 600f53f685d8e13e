// One action on several jobs, with a result for each: those that failed stay marked.
import { signal } from '../vendor/signals-core/signals-core.js';
import { html } from '../vendor/lit-html/lit-html.js';
import { act } from '../lib/actions.js';
import { t } from '../lib/i18n.js';
import { jobs, marked, takeJob } from '../lib/store.js';
import { button, confirm, field, icon, openDialog, sentence } from '../lib/ui.js';

/** @typedef {import('../lib/actions.js').Outcome<import('../types.js').JobView>} Outcome */

/** Jobs at work at a time: the server takes four of one person. */
const TOGETHER = 3;

/**
 * Does something to each and shows the result of each.
 * @param {string} title @param {string[]} ids @param {(id: string) => Promise<Outcome>} run
 */
export function showResults(title, ids, run) {
  const results = signal(/** @type {Map<string, Outcome>} */ (new Map()));
  const names = new Map(ids.map((id) => [id, jobs.value.get(id)?.number ?? id]));
  const left = [...ids];
  const next = async () => {
    for (let id = left.shift(); id; id = left.shift()) {
      const outcome = await run(id);
      results.value = new Map(results.value).set(id, outcome);
    }
  };
  for (let at = 0; at < TOGETHER; at += 1) next();
  openDialog({
    label: title,
    view: (close) => {
      const all = [...results.value.values()];
      const failed = all.filter((one) => !one.ok).length;
      return html`<h2>${title}</h2>
        <p class="prose" role="status">${t().bulk.summary(all.length - failed, failed, ids.length - all.length)}</p>
        <ol class="results">
          ${ids.map((id) => {
            const outcome = results.value.get(id);
            return html`<li class=${outcome && !outcome.ok ? 'refused' : ''}>
              ${icon(!outcome ? 'soon' : outcome.ok ? 'done' : 'no')}<b>${names.get(id)}</b>
              <span>${!outcome ? t().actions.sending : outcome.ok ? t().bulk.done : sentence(outcome.problem)}</span>
            </li>`;
          })}
        </ol>
        ${failed ? html`<p class="hint">${t().bulk.stayMarked}</p>` : ''}
        <footer>${button({ label: t().close, run: close, first: true })}</footer>`;
    },
  });
}

/** @param {string} id @param {Outcome} outcome */
function taken(id, outcome) {
  if (outcome.ok) {
    takeJob(outcome.data, outcome.etag);
    const next = new Set(marked.value);
    next.delete(id);
    marked.value = next;
  }
  return outcome;
}

/** @param {'recall' | 'cancel' | 'priority'} what @param {string[]} ids */
export function openBulk(what, ids) {
  if (what === 'recall') {
    confirm({
      title: t().bulk.recallOf(ids.length),
      text: t().bulk.stayMarked,
      yes: t().job.recall,
      run: () => {
        showResults(t().job.recall, ids, async (id) =>
          taken(
            id,
            await act(
              t().job.recall,
              'post',
              '/v1/jobs/{id}/recall',
              { path: { id }, body: { note: null } },
              { quiet: true },
            ),
          ),
        );
      },
    });
    return;
  }
  const form = signal({
    reason: 'customer_cancelled',
    note: '',
    priority: /** @type {'low' | 'normal' | 'high' | 'urgent'} */ ('high'),
  });
  const set = (/** @type {Partial<typeof form.value>} */ change) => {
    form.value = { ...form.value, ...change };
  };
  const isCancel = what === 'cancel';
  const run = (/** @type {() => void} */ close) => {
    const { reason, note, priority } = form.value;
    close();
    showResults(isCancel ? t().job.cancel : t().bulk.priority, ids, async (id) =>
      taken(
        id,
        isCancel
          ? await act(
              t().job.cancel,
              'post',
              '/v1/jobs/{id}/cancel',
              { path: { id }, body: { reason, note: note || null } },
              { quiet: true },
            )
          : await act(
              t().bulk.priority,
              'patch',
              '/v1/jobs/{id}',
              { path: { id }, body: { priority }, ifMatch: jobs.value.get(id)?.etag ?? '"v0"' },
              { quiet: true },
            ),
      ),
    );
  };
  openDialog({
    label: isCancel ? t().job.cancel : t().bulk.priority,
    className: 'small',
    view: (close) =>
      html`<h2>${isCancel ? t().bulk.cancel(ids.length) : t().bulk.priorityOf(ids.length)}</h2>
        <form
          class="stack"
          @submit=${(/** @type {Event} */ event) => {
            event.preventDefault();
            run(close);
          }}
        >
          ${isCancel
            ? html`${field({
                name: 'reason',
                label: t().job.reason,
                value: form.value.reason,
                set: (reason) => set({ reason }),
                options: Object.entries(t().cancelReasons),
                first: true,
              })}
              ${field({ name: 'note', label: t().job.note, value: form.value.note, set: (note) => set({ note }) })}`
            : field({
                name: 'priority',
                label: t().priority,
                value: form.value.priority,
                set: (priority) => set({ priority: /** @type {any} */ (priority) }),
                options: Object.entries(t().priorities),
                first: true,
              })}
          <footer>
            ${button({
              label: isCancel ? t().job.cancel : t().save,
              kind: isCancel ? 'danger' : 'primary',
              submits: true,
              run: () => {},
            })}${button({ label: t().back, run: close })}
          </footer>
        </form>`,
  });
}
