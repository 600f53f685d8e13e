// Requests to the API: typed by its own document, refused in its own words, repeated after a login.
import { signal } from '../vendor/signals-core/signals-core.js';

/** @typedef {import('../types.js').Method} Method */
/** @typedef {import('../types.js').Problem} Problem */

/** The server answered no: `problem` says why. */
export class Refused extends Error {
  /** @param {Problem} problem @param {number} retryAfter */
  constructor(problem, retryAfter) {
    super(problem.detail ?? problem.title);
    this.problem = problem;
    this.retryAfter = retryAfter;
  }
}

/** No answer came. The request may have arrived: repeat it with the same key. */
export class Unanswered extends Error {}

/** Whether a person has to log in before anything is answered. */
export const loginNeeded = signal(false);
/** How far the server's clock is ahead of this desk's, milliseconds. */
export const clockOffset = signal(0);

/** @type {Array<() => void>} */
let waiting = [];
let isDropped = false;
/** @returns {Promise<never>} */
export const never = () => new Promise(() => {});

/** Goes on with everything that waits for a login. */
export function loggedIn() {
  loginNeeded.value = false;
  const all = waiting;
  waiting = [];
  for (const go of all) go();
}

/** Ends everything that waits, and all that would be sent after: the page begins again for another person. */
export function dropAll() {
  isDropped = true;
  loggedIn();
}

/** For whom writes are made. */
let person = '';
/** @type {() => Promise<void>} */
let otherPerson = async () => {};
/** Says for whom writes are made from now on. @param {string} id */
export function writeFor(id) {
  person = id;
}
/** @param {() => Promise<void>} look what is done where the server says that another person is logged in */
export function onOtherPerson(look) {
  otherPerson = look;
}

/** A fresh `Idempotency-Key`. */
export const freshKey = () => crypto.randomUUID();

/**
 * Sends a request and gives its answer. Waits for a login where one is needed, and repeats it then.
 * @template {Method} M
 * @template {import('../types.js').PathOf<M>} P
 * @param {M} method
 * @param {P} path
 * @param {import('../types.js').Request<P, M>} [request]
 * @returns {Promise<import('../types.js').Answered<import('../types.js').Answer<P, M>>>}
 */
export async function call(method, path, request = {}) {
  const { headers, url, body } = prepared(path, request);
  // Stays that of whom it was begun for, however long it waits.
  if (method !== 'get' && person) headers['towline-person'] = person;
  for (;;) {
    // The page begins again: what comes of this is for nobody.
    if (isDropped) await never();
    let response;
    try {
      response = await fetch(url, { method: method.toUpperCase(), headers, body, signal: request.signal ?? null });
    } catch (error) {
      if (error instanceof DOMException && error.name === 'AbortError') throw error;
      throw new Unanswered();
    }
    noteClock(response);
    if (response.ok) {
      const type = response.headers.get('content-type') ?? '';
      const data = type.includes('json') ? await response.json() : undefined;
      return { data, etag: response.headers.get('etag') };
    }
    // What a proxy says for a server that it cannot reach is no answer of the server.
    if (response.status >= 502 && !(response.headers.get('content-type') ?? '').includes('json'))
      throw new Unanswered();
    const refused = await refusal(response);
    const gone = ['not_logged_in', 'bad_token', 'token_expired'].includes(refused.problem.code);
    if (refused.problem.code === 'other_person') await otherPerson();
    if (!gone) throw refused;
    loginNeeded.value = true;
    await new Promise((resolve) => waiting.push(() => resolve(undefined)));
  }
}

/** @param {string} path @param {any} request */
function prepared(path, request) {
  const url = path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(request.path?.[name] ?? ''));
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(request.query ?? {})) {
    if (value !== undefined && value !== null && value !== '') query.set(name, String(value));
  }
  /** @type {Record<string, string>} */
  const headers = { 'x-towline-csrf': '1' };
  if (request.ifMatch) headers['if-match'] = request.ifMatch;
  if (request.key) headers['idempotency-key'] = request.key;
  const isRaw = request.type !== undefined;
  if (request.body !== undefined) headers['content-type'] = request.type ?? 'application/json';
  const body = request.body === undefined ? null : isRaw ? request.body : JSON.stringify(request.body);
  return { headers, body, url: query.size ? `${url}?${query}` : url };
}

/** @param {Response} response @returns {Promise<Refused>} */
async function refusal(response) {
  const retry = Number(response.headers.get('retry-after') ?? 0);
  try {
    return new Refused(await response.json(), retry);
  } catch {
    const title = `${response.status} ${response.statusText}`;
    /** @type {any} */
    const problem = { type: '', title, status: response.status, code: 'internal', request_id: '' };
    return new Refused(problem, retry);
  }
}

/** @param {Response} response */
function noteClock(response) {
  const said = Date.parse(response.headers.get('date') ?? '');
  // The header has whole seconds, so only a greater difference means anything.
  if (Number.isFinite(said)) {
    const offset = said + 500 - Date.now();
    clockOffset.value = Math.abs(offset) < 2000 ? 0 : offset;
  }
}

/**
 * All pages of a list.
 * @template {import('../types.js').PathOf<'get'>} P
 * @param {P} path
 * @param {import('../types.js').Request<P, 'get'>} [request]
 * @param {number} [most] pages at most
 * @returns {Promise<any[]>}
 */
export async function all(path, request = {}, most = 50) {
  const items = [];
  let cursor;
  for (let page = 0; page < most; page += 1) {
    /** @type {any} */
    const query = Object.assign({ limit: 200 }, request.query, { cursor });
    /** @type {any} */
    const { data } = await call('get', path, Object.assign({}, request, { query }));
    items.push(...data.items);
    cursor = data.next;
    if (!cursor) break;
  }
  return items;
}
