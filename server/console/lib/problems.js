// The words with which a call is described most often, in the order of the list.
export const PROBLEMS = ['battery', 'flat_tyre', 'no_start', 'tow', 'accident', 'lockout', 'fuel', 'overheating', 'brakes', 'electrical', 'stuck', 'other'];
