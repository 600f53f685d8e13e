// Who can be sent: what the server says of a job's candidates, and everyone where several jobs go at once.
//
// The server ranks and judges (`GET /v1/jobs/{id}/candidates`). Nothing here decides who is fit for a job.
import { call } from './http.js';
import { devices, isOver, jobs, technicians } from './store.js';

/** @typedef {import('../types.js').Candidates} Answer */
/**
 * @typedef {object} Candidate
 * @property {string} id
 * @property {string} name
 * @property {string | null} provider
 * @property {'fit' | 'unfit' | 'unasked'} kind `unasked`: the server was not asked about them
 * @property {import('../types.js').Arrival | null} arrival
 * @property {number | null} metres in a straight line; only of those who do not fit
 * @property {number | null} placeAt when they were last where they were
 * @property {import('../types.js').CandidateReason[]} reasons
 * @property {import('../types.js').UnmetRequirement[]} unmet
 * @property {boolean} isPhoneless no phone of theirs can receive the job
 */

/** Asks the server about one job. @param {string} id @param {AbortSignal} [signal] */
export async function ask(id, signal) {
  const request = signal ? { path: { id }, signal } : { path: { id } };
  return (await call('get', '/v1/jobs/{id}/candidates', request)).data;
}

const withPhone = () =>
  new Set([...devices.value.values()].filter((device) => device.state === 'active').map((device) => device.user));

/** The candidates of an answer: those who fit as they are ranked, then those who do not. @param {Answer} answer */
export function listed(answer) {
  const phones = withPhone();
  /** @type {Candidate[]} */
  const rows = answer.ranked.map((one) => ({
    id: one.technician,
    name: one.name,
    provider: one.provider ?? null,
    kind: 'fit',
    arrival: one.arrival ?? null,
    metres: null,
    placeAt: one.position?.at ?? null,
    reasons: one.reasons,
    unmet: [],
    isPhoneless: !phones.has(one.technician),
  }));
  for (const one of answer.ineligible)
    rows.push({
      id: one.technician,
      name: one.name,
      provider: one.provider ?? null,
      kind: 'unfit',
      arrival: null,
      metres: one.metres ?? null,
      placeAt: null,
      reasons: [],
      unmet: one.unmet,
      isPhoneless: !phones.has(one.technician),
    });
  return rows;
}

/** All who work here, by name, those at work first: for several jobs nobody is ranked. */
export function everyone() {
  const phones = withPhone();
  const off = (/** @type {import('../types.js').Technician} */ one) =>
    one.duty === 'absent' || one.duty === 'off_shift';
  return [...technicians.value.values()]
    .filter((one) => one.active)
    .sort((a, b) => Number(off(a)) - Number(off(b)) || a.name.localeCompare(b.name))
    .map((one) => {
      /** @type {Candidate} */
      const row = {
        id: one.id,
        name: one.name,
        provider: one.provider ?? null,
        kind: 'unasked',
        arrival: null,
        metres: null,
        placeAt: null,
        reasons: [],
        unmet: [],
        isPhoneless: !phones.has(one.id),
      };
      return row;
    });
}

/** Jobs that someone has, by the board. @param {string} technician */
export const workOf = (technician) =>
  [...jobs.value.values()].filter((job) => job.technician === technician && !isOver(job.state));
