// Who can be sent to a job: the technicians with what is known of each, those without a hint against them first.
// The server decides, when the job is assigned; see `eligibility.js`. A ranking of the server can take the place
// of this: screens know `candidates` and nothing of how it comes about.
import { hints } from './eligibility.js';
import { devices, isOver, jobs, lastHeard, now, points, technicians, vans } from './store.js';

/** @typedef {import('../types.js').Job} Job */
/** @typedef {import('../types.js').JobListed} JobListed */
/**
 * @typedef {object} Against
 * @property {import('./eligibility.js').Hint['what'] | 'no_phone'} what
 * @property {string} which
 */
/**
 * @typedef {object} Candidate
 * @property {string} id
 * @property {string} name
 * @property {string | null} provider
 * @property {number | null} metres by air; null where one of the two places is not known
 * @property {number | null} placeAge milliseconds since the last point
 * @property {number | null} heard milliseconds since anything was heard
 * @property {JobListed[]} busy jobs they have, the one under way first
 * @property {Against[]} against hints at what they seem to lack
 * @property {boolean} isHolder whether the job is theirs now
 */

const EARTH_M = 6_371_008;

/** Metres by air. @param {{ lat: number, lon: number }} a @param {{ lat: number, lon: number }} b */
export function metresBetween(a, b) {
  const rad = Math.PI / 180;
  const [dLat, dLon] = [(b.lat - a.lat) * rad, (b.lon - a.lon) * rad];
  const h = Math.sin(dLat / 2) ** 2 + Math.cos(a.lat * rad) * Math.cos(b.lat * rad) * Math.sin(dLon / 2) ** 2;
  return 2 * EARTH_M * Math.asin(Math.min(1, Math.sqrt(h)));
}

/**
 * The technicians for a job: those of whom no hint speaks first, the nearest and freest of them first.
 * @param {Job | null} job
 * @returns {Candidate[]}
 */
export function candidates(job) {
  const at = now.value;
  const withPhone = new Set(
    [...devices.value.values()].filter((device) => device.state === 'active').map((device) => device.user),
  );
  const wanted = { skills: job?.intake.skills ?? [], equipment: job?.intake.equipment ?? [] };
  /** @type {Map<string, JobListed[]>} */
  const busy = new Map();
  for (const one of jobs.value.values()) {
    if (one.technician && !isOver(one.state)) busy.set(one.technician, [...(busy.get(one.technician) ?? []), one]);
  }
  const found = [...technicians.value.values()]
    .filter((one) => one.active)
    .map((one) => {
      const point = points.value.get(one.id);
      const heard = lastHeard.value.get(one.id);
      const place = job?.intake.place;
      /** @type {Against[]} */
      const against = hints(
        one,
        [...vans.value.values()].filter((van) => van.technician === one.id),
        wanted,
        at,
      );
      if (!withPhone.has(one.id)) against.push({ what: 'no_phone', which: '' });
      const work = (busy.get(one.id) ?? []).filter((other) => other.id !== job?.id);
      const isOut = (/** @type {JobListed} */ other) => !['offered', 'assigned', 'accepted'].includes(other.state);
      work.sort((a, b) => Number(isOut(b)) - Number(isOut(a)));
      return {
        id: one.id,
        name: one.name,
        provider: one.provider ?? null,
        metres: point && place ? metresBetween(point.place, place) : null,
        placeAge: point ? at - point.at : null,
        heard: heard === undefined ? null : at - heard,
        busy: work,
        against,
        isHolder: job?.assignment?.technician === one.id && job.assignment.kind !== 'recall',
      };
    });
  const weight = (/** @type {Candidate} */ one) => one.against.filter((it) => it.what !== 'no_phone').length;
  return found.sort(
    (a, b) =>
      weight(a) - weight(b) ||
      a.busy.length - b.busy.length ||
      (a.metres ?? Infinity) - (b.metres ?? Infinity) ||
      a.name.localeCompare(b.name),
  );
}
