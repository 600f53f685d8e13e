// The stream of events as a browser holds it: read whole, gone on with where it stopped, and given up for none.
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { blocks } from '../../server/console/lib/sse.js';
import { hold } from '../../server/console/lib/stream.js';

const bytes = (text) => new TextEncoder().encode(text);
const stream = (parts) =>
  new ReadableStream({
    start: (to) => {
      parts.forEach((part) => to.enqueue(part));
      to.close();
    },
  });
const event = (name, data, id) => `event: ${name}\n${id ? `id: ${id}\n` : ''}data: ${JSON.stringify(data)}\n\n`;
const start = (resumed, id) => event('start', { resumed, user: 'mei' }, id);
const jobs = (plate, id) => event('jobs', { items: [{ plate }], more: false }, id);

const fetchOf = globalThis.fetch;
let holder;
afterEach(() => {
  holder?.stop();
  globalThis.fetch = fetchOf;
});

/** Holds a stream whose requests get these answers in their order; the last stays open. */
function held(answers) {
  const asked = [];
  const told = [];
  const waiting = [];
  globalThis.fetch = async (_, { headers, signal }) => {
    asked.push(headers['last-event-id'] ?? null);
    const answer = answers.shift();
    if (!answer) return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    if (typeof answer === 'string')
      return new Response(stream([bytes(answer)]), { headers: { 'content-type': 'text/event-stream' } });
    return answer;
  };
  holder = hold((one) => {
    told.push(one);
    if (one.kind === 'broken' || one.kind === 'login' || one.kind === 'refused') holder.again();
    waiting.splice(0).forEach((look) => look());
  });
  const until = (found) =>
    new Promise((resolve) => {
      const look = () => (found() ? resolve() : waiting.push(look));
      look();
    });
  return { asked, told, of: (kind) => told.filter((one) => one.kind === kind), until };
}
const problem = (status, code) =>
  new Response(JSON.stringify({ code }), { status, headers: { 'content-type': 'application/problem+json' } });

test('events that are cut anywhere are read whole', async () => {
  const all = bytes(`${start(true, 'a')}: heartbeat\nid: b\n\n${jobs('車 \n\n', 'c')}`);
  for (let at = 0; at <= all.length; at += 1) {
    const found = [];
    for await (const list of blocks(stream([all.slice(0, at), all.slice(at)]))) found.push(...list);
    assert.deepEqual(
      found.map(({ name, id }) => [name, id]),
      [
        ['start', 'a'],
        ['', 'b'],
        ['jobs', 'c'],
      ],
    );
    assert.equal(found[2].data.items[0].plate, '車 \n\n');
  }
});

test('a stream that is cut goes on after the last id, a heartbeat’s too', async () => {
  const { asked, of, until } = held([
    start(false, 'a') + jobs('one', 'b'),
    `${start(true, 'b')}: heartbeat\nid: c\n\n`,
    start(true, 'c') + jobs('two', 'd'),
  ]);
  const came = () => of('jobs').flatMap(({ jobs }) => jobs.map(({ plate }) => plate));
  await until(() => came().length === 2);
  assert.deepEqual(came(), ['one', 'two']);
  assert.deepEqual(asked.slice(0, 3), [null, 'b', 'c']);
  assert.deepEqual(
    of('start').map(({ isFresh, isRestored }) => [isFresh, isRestored]),
    [
      [true, false],
      [false, false],
      [false, false],
    ],
  );
});

test('a server that does not know the position any more was restored', async () => {
  const { of, until } = held([start(false, 'a'), start(false, 'x')]);
  await until(() => of('start').length === 2);
  assert.equal(of('start')[1].isRestored, true);
});

test('a position of one person is not used for another', async () => {
  const other = (resumed, id) => event('start', { resumed, user: 'kai' }, id);
  const { asked, of, until } = held([start(false, 'a'), other(true, 'a'), other(false, 'x')]);
  await until(() => of('start').length === 2);
  assert.deepEqual(asked, [null, 'a', null]);
  assert.deepEqual([of('start')[1].user, of('start')[1].isRestored], ['kai', false]);
});

test('a position that the server cannot read is forgotten', async () => {
  const { asked, of, until } = held([start(false, 'a'), problem(400, 'bad_cursor'), start(false, 'b')]);
  await until(() => of('start').length === 2);
  assert.deepEqual(asked, [null, 'a', null]);
});

test('a session that ends asks for a login, and a refusal is no cut', async () => {
  const { of, told, until } = held([
    start(false, 'a') + event('end', { reason: 'session' }),
    problem(401, 'not_logged_in'),
    problem(503, 'overloaded'),
    new Response('<h1>Bad gateway</h1>', { status: 502, headers: { 'content-type': 'text/html' } }),
    start(true, 'a'),
  ]);
  await until(() => of('start').length === 2);
  assert.deepEqual(
    told.map(({ kind }) => kind).filter((kind) => kind !== 'heard'),
    ['start', 'login', 'login', 'refused', 'broken', 'start'],
  );
});

test('points that come together are told together', async () => {
  const points = ['bo', 'cy'].map((user) => event('position', { user, fixed_at: 1 }));
  const { of, until } = held([start(false, 'a') + points.join('')]);
  await until(() => of('points').length === 1);
  assert.deepEqual(
    of('points')[0].points.map(({ user }) => user),
    ['bo', 'cy'],
  );
});
