// What the server says for and against a technician, in the words of the desk.
import { clock, distance, span, t, word } from './i18n.js';

/** @typedef {import('../types.js').CandidateReason} Reason */

/** @param {string} skill */
const skill = (skill) => word(t().skillWords, skill);

/**
 * A reason in words, and whether it speaks against the technician.
 * @param {Reason} one @param {number} at when it was said, Unix milliseconds @param {string | null} [branch]
 * @returns {{ text: string, isAgainst: boolean }}
 */
export function reasonText(one, at, branch) {
  const words = t().candidates.reasons;
  switch (one.what) {
    case 'skill':
      return { text: words.skill(skill(one.skill)), isAgainst: false };
    case 'skill_ends_first':
      return { text: words.skillEnds(skill(one.skill), clock(one.expires_at, branch)), isAgainst: true };
    case 'shift_ends': {
      const spare = one.spare_seconds ?? 0;
      return spare < 0
        ? { text: words.overtime(span(-spare * 1000), clock(one.at, branch)), isAgainst: true }
        : { text: words.shiftUntil(clock(one.at, branch)), isAgainst: false };
    }
    case 'busy':
      return {
        text: one.waiting
          ? words.setsOffAfter(clock(one.sets_off_at, branch), one.waiting)
          : words.setsOff(clock(one.sets_off_at, branch)),
        isAgainst: false,
      };
    case 'silent_since':
      return { text: words.silent(span(at - one.at)), isAgainst: true };
    case 'promise':
      return one.spare_seconds < 0
        ? { text: words.late(span(Math.max(60_000, -one.spare_seconds * 1000))), isAgainst: true }
        : { text: words.inTime(span(one.spare_seconds * 1000)), isAgainst: false };
    case 'unknown':
      return { text: word(t().candidates.unknown, one.which), isAgainst: false };
    default:
      // A newer server knows more reasons: its own word is better than none.
      return { text: String(/** @type {{ what: string }} */ (one).what), isAgainst: false };
  }
}

/** A requirement that is not met. @param {{ what: string, which?: string | null, detail?: string }} one */
export function unmetText(one) {
  /** @type {Record<string, (which: string) => string>} */
  const words = t().candidates.against;
  const which = one.which ?? '';
  const say = Object.hasOwn(words, one.what) ? words[one.what] : undefined;
  return say ? say(one.what.startsWith('skill') ? skill(which) : which) : (one.detail ?? one.what);
}

/** When someone would arrive, and how sure that is. @param {import('../types.js').Arrival} one @param {string | null} [branch] */
export const arrivalText = (one, branch) => ({
  likely: clock(one.likely_at, branch),
  range: t().candidates.between(clock(one.earliest_at, branch), clock(one.latest_at, branch)),
  way: one.by_road ? t().candidates.byRoad(distance(one.metres)) : t().candidates.byAir(distance(one.metres)),
});
