// The language of the desk, and how it writes numbers, times and amounts.
import { signal } from '../vendor/signals-core/signals-core.js';
import { now, zoneOf } from './store.js';

/** @typedef {typeof import('../locale/en.js').default} Words */

export const LANGUAGES = /** @type {const} */ ([
  ['zh-TW', '繁體中文'],
  ['zh-CN', '简体中文'],
  ['en', 'English'],
]);

export const language = signal('en');
const words = signal(/** @type {Words | null} */ (null));

/** The words of the language in use. @returns {Words} */
export const t = () => /** @type {Words} */ (words.value);

/** The language that fits best. @param {readonly string[]} wanted */
export function best(wanted) {
  for (const tag of wanted) {
    const low = tag.toLowerCase();
    if (/^zh-(hant|tw|hk|mo)/.test(low)) return 'zh-TW';
    if (low.startsWith('zh')) return 'zh-CN';
    if (low.startsWith('en')) return 'en';
  }
  return 'en';
}

/** @param {string} tag @param {boolean} [isChosen] whether a person chose it here */
export async function speak(tag, isChosen = false) {
  const loaded =
    tag === 'zh-TW'
      ? await import('../locale/zh-TW.js')
      : tag === 'zh-CN'
        ? await import('../locale/zh-CN.js')
        : await import('../locale/en.js');
  words.value = loaded.default;
  language.value = tag;
  document.documentElement.lang = tag;
  if (isChosen) remember('language', tag);
}

/** What this browser remembers. @param {string} name */
export function remembered(name) {
  try {
    return localStorage.getItem(`towline.${name}`);
  } catch {
    return null;
  }
}
/** @param {string} name @param {string} value */
export function remember(name, value) {
  try {
    localStorage.setItem(`towline.${name}`, value);
  } catch {
    // A browser that keeps nothing asks again.
  }
}

/** @type {Map<string, any>} */
const made = new Map();
/** @template T @param {string} name @param {() => T} make @returns {T} */
function once(name, make) {
  const key = `${language.value} ${name}`;
  if (!made.has(key)) made.set(key, make());
  return made.get(key);
}

/** @param {Intl.DateTimeFormatOptions} options @param {string | undefined} zone */
function dates(options, zone) {
  const timeZone = zone ?? undefined;
  return once(
    `${JSON.stringify(options)} ${zone}`,
    () => new Intl.DateTimeFormat(language.value, { ...options, timeZone, hourCycle: 'h23' }),
  );
}

/** Whether a calendar has this time: phones and programs send others too. @param {unknown} at @returns {at is number} */
export const isTime = (at) => typeof at === 'number' && Math.abs(at) <= 8.64e15;
/** What stands for a time that no calendar has. */
const NO_TIME = '–';
/** @param {number} at @param {string | undefined} zone @param {Intl.DateTimeFormatOptions} options */
const written = (at, zone, options) => (isTime(at) ? dates(options, zone).format(at) : NO_TIME);
/** The raw value of a time that no calendar has, for a title. @param {unknown} at */
export const rawTime = (at) => (isTime(at) ? undefined : String(at));

/** The day of a time, to compare. @param {number} at @param {string | undefined} zone */
const day = (at, zone) => written(at, zone, { year: 'numeric', month: '2-digit', day: '2-digit' });

/** Hour and minute; with the day unless it is today. @param {number} at @param {string | null} [branch] */
export function clock(at, branch) {
  if (!isTime(at)) return NO_TIME;
  const zone = zoneOf(branch);
  const time = written(at, zone, { hour: '2-digit', minute: '2-digit' });
  if (day(at, zone) === day(now.value, zone)) return time;
  return `${written(at, zone, { month: 'numeric', day: 'numeric' })} ${time}`;
}
/** Hour and minute in a time zone. @param {number} at @param {string} zone IANA name */
export function timeIn(at, zone) {
  try {
    return written(at, zone, { hour: '2-digit', minute: '2-digit' });
  } catch {
    // A zone that this browser does not know: its own in place of it.
    return written(at, undefined, { hour: '2-digit', minute: '2-digit' });
  }
}
/** Day, hour, minute, second. @param {number} at @param {string | null} [branch] */
export const moment = (at, branch) =>
  written(at, zoneOf(branch), {
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });
/** @param {number} at @param {string | null} [branch] */
export const date = (at, branch) => written(at, zoneOf(branch), { year: 'numeric', month: 'short', day: 'numeric' });
/** @param {number} at @param {string | null} [branch] */
export const seconds = (at, branch) =>
  written(at, zoneOf(branch), { hour: '2-digit', minute: '2-digit', second: '2-digit' });

/** @param {number} value @param {string} unit @param {number} [digits] */
const unit = (value, unit, digits = 0) =>
  once(
    `${unit} ${digits}`,
    () =>
      new Intl.NumberFormat(language.value, {
        style: 'unit',
        unit,
        unitDisplay: 'short',
        maximumFractionDigits: digits,
      }),
  ).format(value);

/** How long: minutes, then hours, then days. @param {number} ms */
export function span(ms) {
  const minutes = Math.floor(Math.abs(ms) / 60_000);
  if (minutes < 60) return unit(minutes, 'minute');
  if (minutes < 48 * 60) {
    const rest = minutes % 60;
    const hours = unit(Math.floor(minutes / 60), 'hour');
    return rest ? `${hours} ${unit(rest, 'minute')}` : hours;
  }
  return unit(Math.floor(minutes / 1440), 'day');
}
/** @param {number} ms */
export const secondsLong = (ms) => unit(Math.round(ms / 1000), 'second');
/** @param {number} metres */
export const distance = (metres) =>
  metres < 950
    ? unit(Math.round(metres / 10) * 10, 'meter')
    : unit(metres / 1000, 'kilometer', metres < 20_000 ? 1 : 0);
/** @param {number} value @param {number} [digits] */
export const number = (value, digits = 0) =>
  once(`number ${digits}`, () => new Intl.NumberFormat(language.value, { maximumFractionDigits: digits })).format(
    value,
  );
/** Thousandths of a unit. @param {number} quantity */
export const quantity = (quantity) => number(quantity / 1000, 3);
/** Thousandths of a percent. @param {number} rate */
export const percent = (rate) =>
  once('percent', () => new Intl.NumberFormat(language.value, { style: 'percent', maximumFractionDigits: 3 })).format(
    rate / 100_000,
  );

/** @param {string} currency */
const money = (currency) =>
  once(
    `money ${currency}`,
    () => new Intl.NumberFormat(language.value, { style: 'currency', currency, currencyDisplay: 'narrowSymbol' }),
  );
/** How many digits the minor unit of a currency has. @param {string} currency */
export const minorDigits = (currency) => {
  try {
    return money(currency).resolvedOptions().maximumFractionDigits ?? 2;
  } catch {
    return 2;
  }
};
/** @param {number | null | undefined} minor @param {string | null | undefined} currency */
export function amount(minor, currency) {
  if (minor === null || minor === undefined) return '–';
  try {
    return money(currency ?? '').format(minor / 10 ** minorDigits(currency ?? ''));
  } catch {
    return `${minor} ${currency ?? ''}`;
  }
}
/** An amount as a person typed it, in minor units. @param {string} text @param {string} currency */
export function minorOf(text, currency) {
  const value = Number(text.replace(/[,\s]/g, ''));
  return Number.isFinite(value) && text.trim() !== '' ? Math.round(value * 10 ** minorDigits(currency)) : null;
}

/**
 * The word for a value of the API, or the value itself where it is a newer one or free text.
 * @param {Record<string, string>} list
 * @param {string | null | undefined} word
 */
export const word = (list, word) =>
  word ? (Object.hasOwn(list, word) ? /** @type {string} */ (list[word]) : word) : '';
