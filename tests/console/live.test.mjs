// The stream of events in a browser: cut and gone on with, shared by windows, refused, restored, ended by a logout.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gate } from './gate.mjs';
import { PASSWORD, client, desk, logIn, startBrowser, startServer, towline, violations } from './server.mjs';

let server;
let browser;
let as;
before(async () => {
  server = await startServer();
  browser = await startBrowser();
  as = await client(server.url, 'admin');
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Runs with a desk that reaches the server through a gate. */
async function through(run, { init = () => {}, refuse = 0 } = {}) {
  const way = await gate(server.url);
  way.refuse(refuse);
  const one = await desk(browser, 'about:blank');
  try {
    await one.context.addInitScript(init);
    one.page.setDefaultTimeout(30_000);
    await one.page.goto(way.url);
    await logIn(one.page, 'mei');
    await one.page.locator('.connection.live').waitFor();
    await run(one.page, way, one);
    assert.deepEqual(one.errors, []);
  } finally {
    await one.context.close();
    way.close();
  }
}
const newJob = (plate, to = as) => to('POST', '/v1/jobs', { problem: 'fuel', address: '台9線', plate });
const card = (page, id) => page.locator(`.board [data-job="${id}"]`);
const until = async (holds) => {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
};
const polls = (way) => way.asked.filter(({ path }) => path.startsWith('/v1/jobs/changes')).length;
const noWorker = () => {
  delete window.SharedWorker;
};

test('a change comes on the stream, and nobody asks for changes', () =>
  through(async (page, way) => {
    const job = await newJob('LIV-0001');
    await card(page, job.id).waitFor();
    await as('POST', `/v1/jobs/${job.id}/cancel`, { reason: 'other' });
    await page.locator(`.lane.done [data-job="${job.id}"]`).waitFor();
    assert.equal(polls(way), 0);
  }));

test('a stream that is cut greys the board, goes on where it stopped, and what was done meanwhile is done once', () =>
  through(async (page, way) => {
    const job = await newJob('LIV-0002');
    await page.goto(`${way.url}/#/job/${job.id}`);
    await page.locator('.job-head').getByText('LIV').waitFor();
    await page.locator('.connection.live').waitFor();
    way.cut();
    await page.locator('.connection.behind').waitFor();
    await page.locator('#f-text').fill('斷線時寫的備註');
    await page.keyboard.press('Enter');
    await page.locator('.toast.waiting').waitFor();
    const missed = [await newJob('LIV-0003'), await newJob('LIV-0004')];
    await page.locator('.connection.cut').getByText('Cut since').waitFor();
    await page.locator('.desk.is-cut').waitFor();
    assert.deepEqual(await violations(page), []);
    way.mend();
    await page.locator('.connection.live').waitFor();
    await page.locator('.notes').getByText('斷線時寫的備註').waitFor();
    await page.keyboard.press('Escape');
    await page.goto(`${way.url}/#/board`);
    for (const one of missed) await card(page, one.id).waitFor();
    const streams = way.asked.filter(({ path }) => path.startsWith('/v1/events'));
    assert.ok(streams.at(-1).headers['last-event-id'], 'it says where it stopped');
    assert.equal((await as('GET', `/v1/jobs/${job.id}`)).notes.length, 1);
    assert.equal(polls(way), 0);
  }));

for (const [name, init] of [
  ['by a shared worker', () => {}],
  ['by pages that agree on one where there is no shared worker', noWorker],
])
  test(`two windows share one stream, ${name}`, () =>
    through(
      async (page, way, { context }) => {
        const other = await context.newPage();
        await other.goto(way.url);
        await other.locator('.connection.live').waitFor();
        const job = await newJob('WIN-0001');
        for (const window of [page, other]) await card(window, job.id).waitFor();
        assert.equal(way.streams(), 1);
        // The one that came first goes: the other misses nothing.
        await page.close();
        const next = await newJob('WIN-0002');
        await card(other, next.id).waitFor();
        await until(() => way.streams() === 1);
        await other.locator('.connection.live').waitFor();
        assert.equal(polls(way), 0);
      },
      { init },
    ));

test('where the stream is refused the desk asks for changes', () =>
  through(
    async (page, way) => {
      const job = await newJob('POL-0001');
      await card(page, job.id).waitFor();
      assert.equal(way.streams(), 0);
      assert.ok(polls(way) > 0);
    },
    { refuse: 503 },
  ));

test('a technician who moves is seen without asking', () =>
  through(async (page) => {
    const path = await page.evaluate(() => document.querySelector('script[type="module"]').src);
    const point = { user: 'x', fixed_at: 2, place: { lat: 25, lon: 121 }, accuracy: 10 };
    const kept = await page.evaluate(
      async ([main, one]) => {
        const store = await import(new URL('lib/store.js', main).href);
        store.takePoints([one]);
        store.takePoints([{ ...one, fixed_at: 1, place: { lat: 1, lon: 1 } }]);
        return store.points.value.get('x').place.lat;
      },
      [path, point],
    );
    assert.equal(kept, 25, 'an older point moves nobody back');
  }));

test('a logout in one window ends the stream, and the other asks for a login', () =>
  through(async (page, way, { context }) => {
    const other = await context.newPage();
    await other.goto(way.url);
    await other.locator('.connection.live').waitFor();
    await page.locator('.who').click();
    await page.getByRole('button', { name: 'Log out' }).click();
    await other.locator('dialog').getByText('Log in again').first().waitFor();
    await until(() => way.streams() === 0);
    await other.locator('dialog #f-password').fill(PASSWORD);
    await other.keyboard.press('Enter');
    const job = await newJob('OUT-0001');
    await card(other, job.id).waitFor();
    await other.locator('.connection.live').waitFor();
  }));

test('after a restore of the server the board begins again', () =>
  through(async (page, way) => {
    const kept = await newJob('RES-0001');
    const copy = join(server.data, 'copy.db');
    execFileSync(towline, ['backup', copy, '--data', server.data]);
    const lost = await newJob('RES-0002');
    await card(page, lost.id).waitFor();
    const restored = await startServer({ from: copy });
    try {
      way.to(restored.url);
      way.cut();
      way.mend();
      await page.locator('dialog').getByText('Log in again').first().waitFor();
      await page.locator('dialog #f-password').fill(PASSWORD);
      await page.keyboard.press('Enter');
      await card(page, lost.id).waitFor({ state: 'detached' });
      await card(page, kept.id).waitFor();
      const fresh = await newJob('RES-0003', await client(restored.url, 'admin'));
      await card(page, fresh.id).waitFor();
      await page.locator('.connection.live').waitFor();
    } finally {
      await restored.stop();
    }
  }));
