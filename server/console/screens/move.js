// Confirms that a job goes to one technician, with what the server says for and against them.
import { signal } from '../vendor/signals-core/signals-core.js';
import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { act } from '../lib/actions.js';
import { ask, listed } from '../lib/candidates.js';
import { Refused, Unanswered, call } from '../lib/http.js';
import { distance, t, word } from '../lib/i18n.js';
import { arrivalText, reasonText, unmetText } from '../lib/reasons.js';
import { jobs, personName, takeJob } from '../lib/store.js';
import { button, loading, openDialog, refusal, unanswered } from '../lib/ui.js';

/**
 * Asks before a job goes to this technician.
 * @param {string} id of the job @param {string} technician @param {(() => void)} [moved] when it is done
 */
export function openMove(id, technician, moved) {
  const known = signal(
    /** @type {{ job: import('../types.js').Job, etag: string | null, answer: import('../types.js').Candidates } | null} */ (
      null
    ),
  );
  const problem = signal(/** @type {import('../types.js').Problem | null} */ (null));
  const isBusy = signal(false);
  const name = personName(technician) || t().board.unknownPerson;

  async function load() {
    problem.value = null;
    known.value = null;
    try {
      const [read, answer] = await Promise.all([call('get', '/v1/jobs/{id}', { path: { id } }), ask(id)]);
      known.value = { job: read.data, etag: read.etag, answer };
    } catch (error) {
      if (!(error instanceof Refused || error instanceof Unanswered)) throw error;
      problem.value = error instanceof Refused ? error.problem : unanswered();
    }
  }
  load();

  /** @param {boolean} override @param {() => void} close */
  async function send(override, close) {
    const seen = known.value;
    if (!seen || isBusy.value) return;
    isBusy.value = true;
    problem.value = null;
    const number = seen.job.intake.number ?? '';
    let assigned = /** @type {string | null} */ (null);
    const before = seen.job.assignment?.kind === 'recall' ? null : seen.job.assignment?.technician;
    // Back to whoever had it, by a new assignment; a recall where nobody had.
    const undo = async () => {
      const request = { path: { id }, ifMatch: assigned ?? undefined };
      const back = before
        ? await act(t().candidates.sending(number, personName(before)), 'post', '/v1/jobs/{id}/assign', {
            ...request,
            body: { technician: before, kind: 'assign', override: true },
          })
        : await act(t().job.recalling(number), 'post', '/v1/jobs/{id}/recall', { ...request, body: { note: null } });
      if (back.ok) takeJob(back.data, back.etag);
      moved?.();
    };
    // While there is no connection the sending is seen below.
    const timer = setTimeout(close, 1500);
    const done = await act(
      t().candidates.sending(number, name),
      'post',
      '/v1/jobs/{id}/assign',
      { path: { id }, body: { technician, kind: 'assign', override }, ifMatch: seen.etag ?? undefined },
      { undo },
    );
    clearTimeout(timer);
    isBusy.value = false;
    if (done.ok) {
      assigned = done.etag;
      takeJob(done.data, done.etag);
      close();
      moved?.();
      return;
    }
    if (done.problem.code === 'changed_meanwhile') await load();
    problem.value = done.problem;
  }

  const found = () => (known.value ? listed(known.value.answer).find((one) => one.id === technician) : undefined);
  const isUnfit = () => found()?.kind === 'unfit' || problem.value?.code === 'technician_ineligible';
  openDialog({
    label: t().move.title(jobs.value.get(id)?.number ?? '', name),
    className: 'small move',
    keys: (close) => [
      {
        code: 'Enter',
        label: t().move.yes,
        run: () => {
          if (!isUnfit()) send(false, close);
        },
      },
      {
        code: 'KeyY',
        label: t().candidates.override,
        run: () => {
          if (isUnfit()) send(true, close);
        },
      },
      { code: 'KeyR', label: t().candidates.again, run: load },
    ],
    view: (close) => {
      const seen = known.value;
      const one = found();
      const branch = seen?.job.intake.branch;
      const holder = seen?.job.assignment?.kind === 'recall' ? null : seen?.job.assignment?.technician;
      const arrival = one?.arrival ? arrivalText(one.arrival, branch) : null;
      return html`<h2 tabindex="-1" autofocus>
          ${t().move.title(seen?.job.intake.number ?? jobs.value.get(id)?.number ?? '', name)}
        </h2>
        ${seen
          ? html`<p class="prose">
                ${[word(t().problemWords, seen.job.intake.problem), seen.job.intake.address]
                  .filter(Boolean)
                  .join(' · ')}${holder ? html`<br />${t().move.from(personName(holder))}` : nothing}
              </p>
              ${one
                ? html`<ul class="reasons">
                    ${arrival
                      ? html`<li><b>${t().candidates.there(arrival.likely)}</b> ${arrival.range} · ${arrival.way}</li>`
                      : one.metres !== null
                        ? html`<li>${t().candidates.byAir(distance(one.metres))}</li>`
                        : html`<li>${t().candidates.noArrival}</li>`}
                    ${one.unmet.map((it) => html`<li class="against">${unmetText(it)}</li>`)}
                    ${one.reasons.map((it) => {
                      const { text, isAgainst } = reasonText(it, seen.answer.at, branch);
                      return html`<li class=${isAgainst ? 'against' : ''}>${text}</li>`;
                    })}
                    ${one.isPhoneless ? html`<li class="against">${t().candidates.against.no_phone()}</li>` : nothing}
                  </ul>`
                : html`<p class="hint">${t().move.unasked}</p>`}`
          : problem.value
            ? nothing
            : loading()}
        ${problem.value
          ? refusal(problem.value, seen ? nothing : button({ label: t().candidates.again, key: 'KeyR', run: load }))
          : nothing}
        <footer>
          ${seen
            ? isUnfit()
              ? button({
                  label: t().candidates.override,
                  key: 'KeyY',
                  kind: 'danger',
                  disabled: isBusy.value,
                  run: () => send(true, close),
                })
              : button({
                  label: t().move.yes,
                  key: 'Enter',
                  kind: 'primary',
                  disabled: isBusy.value,
                  run: () => send(false, close),
                })
            : nothing}${button({ label: t().cancel, key: 'Escape', run: close })}
        </footer>`;
    },
  });
}
