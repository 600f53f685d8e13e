// Sending people, in a real browser on a real server: candidates with reasons, the timeline, the map, the proposal.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { seed } from './seed.mjs';
import { client, desk, logIn, startBrowser, startServer, violations } from './server.mjs';

let server;
let browser;
let as;
let made;
before(async () => {
  server = await startServer();
  browser = await startBrowser();
  as = await client(server.url, 'admin');
  made = await seed(as, 20);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Runs with a desk of its own; errors of the console and of the policy fail it. */
async function at(run, more) {
  const one = await desk(browser, server.url, more);
  try {
    await logIn(one.page, 'mei');
    await one.page.locator('.card').first().waitFor();
    await run(one.page, one);
    assert.deepEqual(one.errors, []);
  } finally {
    await one.context.close();
  }
}
const press = async (page, ...keys) => {
  for (const key of keys) await page.keyboard.press(key);
};
const take = (more) => as('POST', '/v1/jobs', { problem: 'tow', address: '台2線', ...more });
const XSS = '<img src=x onerror=alert(1)>';

test('candidates stand as the server ranks them, with its reasons, and those who do not fit below', () =>
  at(async (page) => {
    const job = await take({ skills: ['tow'], place: { lat: 25.04, lon: 121.56 }, plate: 'CAN-0001' });
    const said = await as('GET', `/v1/jobs/${job.id}/candidates`);
    assert.ok(said.ranked.length > 1 && said.ineligible.length > 1);
    await page.goto(`${server.url}/#/job/${job.id}`);
    await page.locator('.job-head').getByText('CAN').first().waitFor();
    await press(page, 'a');
    await page.locator('.choice').first().waitFor();
    const names = await page.locator('.choice > b').allInnerTexts();
    assert.deepEqual(
      names,
      [...said.ranked, ...said.ineligible].map((one) => one.name),
    );
    await page.locator('.choice').first().getByText('Has Towing').waitFor();
    await page
      .locator('.choice.ineligible')
      .first()
      .getByText(/Lacks Towing|Off shift|Absent/)
      .first()
      .waitFor();
    assert.equal(await page.locator('.choices-label').count(), 1);
    assert.deepEqual(await violations(page), []);
    // Whom the server does not let go is sent only once more, and said so.
    await page.locator('.choice.ineligible').first().click();
    await page.getByRole('alert').getByText('Send all the same').waitFor();
    await press(page, '2');
    await page.locator('dialog').waitFor({ state: 'detached' });
    const sent = await as('GET', `/v1/jobs/${job.id}`);
    assert.equal(sent.assignment.technician, said.ranked[1].technician);
    await press(page, 'z');
    await page.locator('.job-head .badge').getByText('Received', { exact: true }).waitFor();
  }));

test('candidates that cannot be asked for say so and are asked for again', () =>
  at(async (page) => {
    const job = await take({ plate: 'CAN-0002' });
    await page.locator(`[data-job="${job.id}"]`).waitFor();
    await page.route('**/candidates', (route) => route.abort());
    await page.locator(`[data-job="${job.id}"]`).focus();
    await press(page, 'a');
    await page.locator('dialog').getByRole('alert').waitFor();
    await page.unroute('**/candidates');
    await press(page, 'r');
    await page.locator('.choice').first().waitFor();
  }));

test('the timeline shows shifts and jobs, follows the selection, and moves a job by key', () =>
  at(async (page) => {
    const job = await take({ plate: 'TIM-0001' });
    await as('POST', `/v1/jobs/${job.id}/assign`, { technician: made.people[6], override: true });
    await press(page, 't');
    const bar = page.locator(`.bar-job[data-job="${job.id}"]`);
    await bar.waitFor();
    assert.ok((await page.locator('.track > .shift').count()) >= 10);
    assert.ok((await page.locator('.track > .absence').count()) >= 1);
    assert.deepEqual(await violations(page), []);
    await bar.focus();
    await press(page, 'm');
    await page.locator('.choice').first().waitFor();
    const name = await page.locator('.choice > b').first().innerText();
    await press(page, '1');
    await page.locator('dialog').waitFor({ state: 'detached' });
    await page.getByRole('group', { name, exact: true }).locator(`[data-job="${job.id}"]`).waitFor();
    await bar.focus();
    await press(page, 'ArrowDown');
    const next = await page.evaluate(() => document.activeElement?.dataset.job);
    assert.ok(next && next !== job.id);
    await press(page, 'Enter');
    await page.locator('.job-head').waitFor();
  }));

test('a job that is dragged to another row is moved once the reasons were seen', () =>
  at(async (page) => {
    const job = await take({ plate: 'TIM-0002' });
    await as('POST', `/v1/jobs/${job.id}/assign`, { technician: made.people[10], override: true });
    await page.goto(`${server.url}/#/timeline`);
    const bar = page.locator(`.bar-job[data-job="${job.id}"]`);
    await bar.waitFor();
    const to = page.locator(`.line-of[data-technician="${made.people[11]}"]`);
    await bar.dragTo(to.locator('.name'));
    await page.locator('dialog.move .reasons li').first().waitFor();
    assert.deepEqual(await violations(page), []);
    assert.equal((await as('GET', `/v1/jobs/${job.id}`)).assignment.technician, made.people[10]);
    await press(page, 'Enter');
    await page.locator('dialog').waitFor({ state: 'detached' });
    await to.locator(`[data-job="${job.id}"]`).waitFor();
    await press(page, 'z');
    await page.locator(`.line-of[data-technician="${made.people[10]}"] [data-job="${job.id}"]`).waitFor();
  }));

test('a day with nothing on it says so, and a bad day in the address is refused in words', () =>
  at(async (page) => {
    const far = new Date(Date.now() + 20 * 24 * 3600_000).toISOString().slice(0, 10);
    await page.goto(`${server.url}/#/timeline/${far}`);
    await page.locator('.timeline-top').waitFor();
    await page.locator('.timeline-rows, .empty').first().waitFor();
    await page.goto(`${server.url}/#/timeline/never`);
    await page.getByRole('alert').waitFor();
  }));

test('what is selected in one window is selected in the others', () =>
  at(async (page, { context }) => {
    const job = await take({ plate: 'SEL-0001', place: { lat: 25.05, lon: 121.55 } });
    const other = await context.newPage();
    await other.goto(`${server.url}/#/timeline`);
    await other.locator(`.bar-job[data-job="${job.id}"]`).waitFor();
    await page.locator(`[data-job="${job.id}"]`).focus();
    await other.locator(`.bar-job.is-selected[data-job="${job.id}"]`).waitFor();
  }));

test('the map draws jobs and technicians under the policy, and moves only by hand', () =>
  at(async (page) => {
    const job = await take({ plate: 'MAP-0001', place: { lat: 25.06, lon: 121.5 }, problem: XSS });
    const heard = Date.now() - 3 * 24 * 3600_000;
    const point = { at: heard, fixed_at: heard, received_at: heard, place: { lat: 25.1, lon: 121.6 }, accuracy: 80 };
    await page.route('**/v1/positions*', (route) =>
      route.fulfill({ json: { items: [{ ...point, user: made.people[0], device: made.people[0] }], next: null } }),
    );
    await page.reload();
    await page.locator('.card').first().waitFor();
    await press(page, 'm');
    const sign = page.locator(`.sign[data-job="${job.id}"]`);
    await sign.waitFor({ timeout: 60_000 });
    await page.locator('.map-canvas canvas').waitFor();
    // Silent for three days, and still where they were.
    await page.locator('.sign.person.is-silent').getByText('3 days').waitFor();
    assert.equal(await page.locator('img').count(), 0);
    assert.deepEqual(await violations(page), []);
    const before = await sign.evaluate((element) => element.style.transform);
    await take({ plate: 'MAP-0002', place: { lat: 22.9, lon: 120.3 } });
    await sign.focus();
    await page.locator('.map-top').getByText(job.intake.number).waitFor();
    assert.equal(await sign.evaluate((element) => element.style.transform), before);
    await press(page, 'Shift+ArrowRight');
    await page.waitForFunction(
      ([id, was]) => document.querySelector(`.sign[data-job="${id}"]`)?.style.transform !== was,
      [job.id, before],
    );
    await press(page, 'Enter');
    await page.locator('.job-head').getByText('MAP').first().waitFor();
  }));

test('a proposal is shown before anything is done, and each row has its result', () =>
  at(async (page) => {
    const good = await take({ problem: XSS, plate: 'PRO-0001', priority: 'urgent' });
    const bad = await take({ plate: 'PRO-0002', priority: 'urgent' });
    await take({ plate: 'PRO-0003', priority: 'urgent', skills: ['diving'] });
    await page.locator(`[data-job="${bad.id}"]`).waitFor();
    await press(page, 'b');
    const row = (job) => page.locator(`[data-row="${job.id}"]`);
    await row(good).waitFor();
    await row(bad).waitFor();
    await page.getByText('Nobody meets the requirements').waitFor();
    assert.equal(await page.locator('img').count(), 0);
    assert.deepEqual(await violations(page), []);
    assert.equal((await as('GET', `/v1/jobs/${good.id}`)).state, 'received');
    // Only these two; one of them is changed by someone else meanwhile.
    for (const box of await page.locator('.proposal-row input').all()) await box.uncheck();
    await row(good).locator('input').focus();
    await press(page, 'x');
    await row(bad).locator('input').check();
    await as('POST', `/v1/jobs/${bad.id}/cancel`, { reason: 'customer_cancelled' });
    await page.locator('h1').click();
    await press(page, 'Enter');
    await row(good).locator('.result.good').waitFor();
    await row(bad).locator('.result.alarm').waitFor();
    await page.getByRole('status').getByText('1 done, 1 refused').waitFor();
    assert.equal((await as('GET', `/v1/jobs/${good.id}`)).state, 'assigned');
  }));

test('a proposal with nothing in it and one that cannot be asked for say so', () =>
  at(async (page) => {
    await page.route('**/v1/proposal*', (route) => route.abort());
    await page.goto(`${server.url}/#/proposal`);
    await page.getByRole('alert').waitFor();
    assert.deepEqual(await violations(page), []);
    await page.unroute('**/v1/proposal*');
    const nothing = { at: Date.now(), rows: [], more_jobs: false, technicians: 1, more_technicians: false };
    await page.route('**/v1/proposal*', (route) => route.fulfill({ json: nothing }));
    await press(page, 'r');
    await page.getByText('No open job waits for a technician.').waitFor();
    await page.getByText('1 technician.').waitFor();
    assert.deepEqual(await violations(page), []);
  }));

test('names of people and problems of callers are texts on the screens of dispatch', async () => {
  const { id } = await as('POST', '/v1/users', { login: 'evil', name: XSS, role: 'technician' });
  const now = Date.now();
  await as('POST', `/v1/technicians/${id}/shifts`, { starts_at: now - 3600_000, ends_at: now + 7200_000 });
  await as('POST', `/v1/technicians/${id}/certificates`, { skill: XSS });
  const job = await take({ problem: XSS, address: XSS, skills: [XSS], equipment: [XSS], plate: 'XSS-0001' });
  await as('POST', `/v1/jobs/${job.id}/assign`, { technician: id, override: true });
  await at(async (page) => {
    await page.goto(`${server.url}/#/timeline`);
    const bar = page.locator(`.bar-job[data-job="${job.id}"]`);
    await bar.getByText('onerror').first().waitFor();
    await bar.focus();
    await press(page, 'm');
    await page.locator('.choice').first().getByText('onerror').first().waitFor();
    await press(page, 'Escape');
    await bar.dragTo(page.locator(`.line-of[data-technician="${made.people[0]}"] .name`));
    await page.locator('dialog.move').getByText('onerror').first().waitFor();
    await press(page, 'Escape');
    await page.goto(`${server.url}/#/proposal`);
    await page.getByText('onerror').first().waitFor();
    assert.equal(await page.locator('img').count(), 0);
  });
});
