// What a desk can say beforehand of the requirements of a job, from what the server states of technicians and
// vans. The server alone decides, when a job is assigned (`sync-core/src/technician/eligibility.rs`), and knows
// more: these are hints, read by the same rule. They order people and bar nobody. What an answer of the server
// had no room for (`more`) is not held against anyone.

/** @typedef {import('../types.js').Technician} Technician */
/** @typedef {Pick<Technician, 'on_shift' | 'shifts' | 'skills' | 'certificates' | 'more'>} Person */
/** @typedef {Pick<import('../types.js').Van, 'equipment' | 'more'>} Carrier */
/**
 * @typedef {object} Hint
 * @property {'absent' | 'off_shift' | 'skill_missing' | 'skill_out_of_date' | 'equipment_missing'} what the word of
 *   the server, as in `reason`
 * @property {string} which skill or equipment
 */

/** People write the same name in many ways: case, and what stands between words, do not count. @param {string} text */
const plain = (text) =>
  Array.from(text.replace(/[^\p{Alphabetic}\p{N}]/gu, ''), (letter) => letter.toLowerCase()).join('');

/**
 * Whether someone works now. Of those without any shift nobody knows.
 * @param {Pick<Person, 'on_shift' | 'shifts'>} one @param {number} at Unix milliseconds
 * @returns {'on_shift' | 'absent' | 'off_shift' | 'unknown'}
 */
export function duty(one, at) {
  const isAbsent = one.shifts.some((it) => it.kind === 'absence' && it.starts_at <= at && at < it.ends_at);
  if (isAbsent) return 'absent';
  if (one.on_shift) return 'on_shift';
  return one.shifts.some((it) => it.kind !== 'absence') ? 'off_shift' : 'unknown';
}

/**
 * The requirements of a job that someone seems not to meet.
 * @param {Person} one
 * @param {Carrier[]} vans all they drive
 * @param {{ skills: string[], equipment: string[] }} wanted
 * @param {number} at Unix milliseconds
 * @returns {Hint[]}
 */
export function hints(one, vans, wanted, at) {
  /** @type {Hint[]} */
  const found = [];
  const now = duty(one, at);
  if (now === 'absent' || now === 'off_shift') found.push({ what: now, which: '' });
  const inDate = new Set(one.skills.map(plain));
  const papers = new Set(one.certificates.map((it) => plain(it.skill)));
  const isWhole = !one.more?.certificates && !one.more?.skills;
  for (const which of wanted.skills) {
    if (inDate.has(plain(which)) || !isWhole) continue;
    found.push({ what: papers.has(plain(which)) ? 'skill_out_of_date' : 'skill_missing', which });
  }
  const carried = new Set(vans.flatMap((van) => van.equipment.map(plain)));
  const isAllSeen = vans.every((van) => !van.more?.equipment);
  for (const which of wanted.equipment) {
    if (!carried.has(plain(which)) && isAllSeen) found.push({ what: 'equipment_missing', which });
  }
  return found;
}
