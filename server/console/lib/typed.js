// Reads times and places as people type or paste them. What it cannot read is null, never a guess.
import { now, zoneOf } from './store.js';

/** The latest promise that minutes can say: a day. */
const MOST_MINUTES = 24 * 60;
const HOURS = /(\d{1,2}(?:\.\d)?)\s*(?:個?小時|个?小时|hours?|hrs?|h)/;
const SPAN = new RegExp(
  `^\\+?\\s*(?:${HOURS.source})?\\s*(?:(\\d{1,3})\\s*(?:分鐘?|分钟|minutes?|mins?\\.?|m|')?)?\\s*(?:[後后內内])?$`,
);
const CLOCK =
  /^(上午|早上|下午|晚上|am|pm)?\s*(\d{1,2})\s*(?:[:.]\s*(\d{2})|[點点時时]\s*(?:(\d{1,2})\s*分?)?)\s*(am|pm)?$/;

/** Width, case and edges do not count. @param {string} typed */
const plain = (typed) => typed.normalize('NFKC').trim().toLowerCase();

/** Minutes from now: `45`, `45 min`, `1小時30分`. @param {string} typed */
export function minutesOf(typed) {
  const text = plain(typed)
    .replace(/個半小時|个半小时/, '小時30分')
    .replace(/^半個?小[時时]|^半个小时/, '30分');
  const found = /\d/.test(text) ? SPAN.exec(text) : null;
  if (!found) return null;
  const minutes = Math.round(Number(found[1] ?? 0) * 60) + Number(found[2] ?? 0);
  return minutes > 0 && minutes <= MOST_MINUTES ? minutes : null;
}

/** Minutes after midnight: `13:30`, `1330`, `下午1點半`, `1:30 pm`. @param {string} typed */
export function clockOf(typed) {
  const text = plain(typed)
    .replace(/([點点時时])半$/, '$130分')
    .replace(/^(\d{2})(\d{2})$/, '$1:$2');
  const found = CLOCK.exec(text);
  if (!found) return null;
  const half = found[1] ?? found[5] ?? '';
  let hour = Number(found[2]);
  const minute = Number(found[3] ?? found[4] ?? 0);
  if (half && hour > 12 && !/下午|晚上|pm/.test(half)) return null;
  if (/下午|晚上|pm/.test(half) && hour < 12) hour += 12;
  else if (/am|上午|早上/.test(half) && hour === 12) hour = 0;
  return hour <= 23 && minute <= 59 ? hour * 60 + minute : null;
}

/** The last midnight in a branch's time zone, Unix milliseconds. @param {string | null | undefined} branch */
function midnight(branch) {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone: zoneOf(branch),
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  }).formatToParts(now.value);
  const part = (/** @type {string} */ type) => Number(parts.find((one) => one.type === type)?.value ?? 0);
  return now.value - ((part('hour') * 60 + part('minute')) * 60 + part('second')) * 1000 - (now.value % 1000);
}

/**
 * By when someone is to be there: minutes from now, or a time of the branch's day, tomorrow if it has passed.
 * @param {string} typed @param {string | null | undefined} branch
 */
export function promiseOf(typed, branch) {
  const minutes = minutesOf(typed);
  if (minutes !== null) return Math.round(now.value + minutes * 60_000);
  const at = clockOf(typed);
  if (at === null) return null;
  const today = midnight(branch) + at * 60_000;
  return Math.round(today < now.value ? today + 24 * 3600_000 : today);
}

/** A time of the branch's day; long past means tomorrow. @param {string} typed @param {string | null | undefined} branch */
export function nearTimeOf(typed, branch) {
  const at = clockOf(typed);
  if (at === null) return null;
  const today = midnight(branch) + at * 60_000;
  return today < now.value - 12 * 3600_000 ? today + 24 * 3600_000 : today;
}

const NUMBER = '(-?\\d{1,3}(?:\\.\\d+)?)';
const PAIR = new RegExp(`^[([]?\\s*${NUMBER}\\s*°?\\s*([ns]?)\\s*[,、/;\\s]\\s*${NUMBER}\\s*°?\\s*([ew]?)\\s*[)\\]]?$`);
const DEGREES = /(\d{1,3})\s*°\s*(\d{1,2})\s*[′']\s*(\d{1,2}(?:\.\d+)?)\s*(?:″|"|''|′′)\s*([nsew])/g;
/** A pin stands before the middle of the map that was looked at. */
const LINK = [
  /!3d(-?\d+(?:\.\d+)?)!4d(-?\d+(?:\.\d+)?)/,
  /[?&](?:q|query|ll|sll|coordinate|daddr|destination|center)=(?:loc:)?\s*(-?\d+(?:\.\d+)?)\s*,\s*(-?\d+(?:\.\d+)?)/,
  /\/(?:search|place|dir)\/+(-?\d+(?:\.\d+)?)\s*,\s*(-?\d+(?:\.\d+)?)/,
  /@(-?\d+(?:\.\d+)?),(-?\d+(?:\.\d+)?)/,
  /^geo:(-?\d+(?:\.\d+)?),(-?\d+(?:\.\d+)?)/,
];
/** Two numbers as exact as a map writes them, among other words. */
const AMONG = /(-?\d{1,2}\.\d{3,})\s*[,、\s]\s*(-?\d{1,3}\.\d{3,})/;

/** Whether this is a link that hides the place: only its server knows it. @param {string} typed */
export const isShortLink = (typed) =>
  /maps\.app\.goo\.gl|goo\.gl\/maps|g\.co\/kgs|maps\.apple(?:\.com)?\/p\//i.test(typed) && placeOf(typed) === null;

/** @param {number} lat @param {number} lon */
const onEarth = (lat, lon) => (Math.abs(lat) <= 90 && Math.abs(lon) <= 180 ? { lat, lon } : null);

/** A pin as people paste it: two numbers, degrees, or the link of a map. @param {string} typed */
export function placeOf(typed) {
  let text = plain(typed);
  if (/:\/\/|^geo:/.test(text)) {
    try {
      text = decodeURIComponent(text.replaceAll('+', ' '));
    } catch {
      // A link that was cut off may still have its numbers.
    }
    for (const form of LINK) {
      const found = form.exec(text);
      if (found) return onEarth(Number(found[1]), Number(found[2]));
    }
    return null;
  }
  const degrees = [...text.matchAll(DEGREES)];
  if (degrees.length === 2) {
    const [lat, lon] = degrees.map(
      ([, d, m, s, side]) => (Number(d) + Number(m) / 60 + Number(s) / 3600) * (/[sw]/.test(side ?? '') ? -1 : 1),
    );
    return onEarth(lat ?? NaN, lon ?? NaN);
  }
  const pair = PAIR.exec(text);
  if (pair) return onEarth(Number(pair[1]) * (pair[2] === 's' ? -1 : 1), Number(pair[3]) * (pair[4] === 'w' ? -1 : 1));
  const among = AMONG.exec(text);
  return among ? onEarth(Number(among[1]), Number(among[2])) : null;
}
