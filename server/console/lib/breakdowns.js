// Kinds of breakdown that a call names most often, in the order of the list.
export const BREAKDOWNS = [
  'battery',
  'flat_tyre',
  'no_start',
  'tow',
  'accident',
  'lockout',
  'fuel',
  'overheating',
  'brakes',
  'electrical',
  'stuck',
  'other',
];
