// The hints of the desk follow the rule of the server (`sync-core/src/technician/eligibility.rs`): its own cases.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { duty, hints } from '../../server/console/lib/eligibility.js';

const NOW = 1_790_000_000_000;
const HOUR = 3_600_000;
const person = (more = {}) => ({ on_shift: false, shifts: [], skills: [], certificates: [], ...more });
const shift = (kind, starts_at, ends_at) => ({ id: 'f', kind, starts_at, ends_at });
const paper = (skill, expires_at) => ({ id: 'f', skill, expires_at });
const wants = (skills, equipment = []) => ({ skills, equipment });
const words = (found) => found.map((it) => (it.which ? `${it.what} ${it.which}` : it.what));
const hinted = (one, vans, wanted) => words(hints(one, vans, wanted, NOW));

test('nothing is said of someone without shifts', () => {
  assert.deepEqual(hinted(person(), [], wants([])), []);
  assert.equal(duty(person(), NOW), 'unknown');
  const away = person({ shifts: [shift('absence', NOW + HOUR, NOW + 2 * HOUR)] });
  assert.deepEqual(hinted(away, [], wants([])), []);
});

test('off shift is said where shifts are kept, and absence by its own name', () => {
  const work = shift('shift', NOW + HOUR, NOW + 9 * HOUR);
  assert.deepEqual(hinted(person({ shifts: [work] }), [], wants([])), ['off_shift']);
  const away = person({ shifts: [work, shift('absence', NOW, NOW + 2 * HOUR)] });
  assert.deepEqual(hinted(away, [], wants([])), ['absent']);
  const here = person({ on_shift: true, shifts: [shift(null, NOW, NOW + HOUR)] });
  assert.deepEqual(hinted(here, [], wants([])), []);
});

test('skills count however they are written, and an expired certificate is named', () => {
  const wanted = wants(['High-voltage', 'towing', '高壓 電']);
  assert.deepEqual(hinted(person(), [], wanted), [
    'skill_missing High-voltage',
    'skill_missing towing',
    'skill_missing 高壓 電',
  ]);
  const certificates = [paper('high voltage', NOW), paper('Towing'), paper('高壓電')];
  const one = person({ certificates, skills: ['Towing', '高壓電'] });
  assert.deepEqual(hinted(one, [], wanted), ['skill_out_of_date High-voltage']);
  // Renewed: the old certificate does not count against the new one.
  assert.deepEqual(hinted({ ...one, skills: [...one.skills, 'high_voltage'] }, [], wanted), []);
});

test('equipment is what all their vans carry', () => {
  const wanted = wants([], ['winch', 'wheel lift']);
  const vans = [{ equipment: ['Wheel-lift'] }, { equipment: ['charger'] }];
  assert.deepEqual(hinted(person(), vans, wanted), ['equipment_missing winch']);
  assert.deepEqual(hinted(person(), [...vans, { equipment: ['WINCH'] }], wanted), []);
  assert.deepEqual(hinted(person(), [], wanted), ['equipment_missing winch', 'equipment_missing wheel lift']);
});

test('what an answer had no room for is not held against anyone', () => {
  const more = { count: 300, next: 'x' };
  assert.deepEqual(hinted(person({ more: { certificates: more } }), [], wants(['towing'])), []);
  assert.deepEqual(hinted(person(), [{ equipment: [], more: { equipment: more } }], wants([], ['winch'])), []);
});
