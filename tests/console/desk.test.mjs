// A dispatcher's day: what is typed is kept, what is late comes first, and the page stays where the person is.
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
  made = await seed(as, 16);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Runs with a desk of its own; errors of the console and of the policy fail it. */
async function at(login, run, more) {
  const one = await desk(browser, server.url, more);
  try {
    await logIn(one.page, login);
    one.page.setDefaultTimeout(20_000);
    await run(one.page, one);
    assert.deepEqual(one.errors, []);
  } finally {
    await one.context.close();
  }
}
const press = async (page, ...keys) => {
  for (const key of keys) await page.keyboard.press(key);
};
const focused = (page) => page.evaluate(() => document.activeElement?.id ?? '');
const byPlate = async (plate) => {
  const { items } = await as('GET', `/v1/jobs?text=${plate}`);
  return Promise.all(items.map((one) => as('GET', `/v1/jobs/${one.id}`)));
};

async function toIntake(page) {
  await press(page, 'n');
  await page.waitForFunction(() => document.activeElement?.id === 'f-phone');
}
/** A call that can be taken. */
async function fillCall(page, plate, more = {}) {
  for (const [name, text] of Object.entries({ plate, address: '台9線 32K', problem: 'Battery', ...more }))
    await page.locator(`#f-${name}`).fill(text);
}

for (const [typed, minutes] of [
  ['1分鐘', 1],
  ['30分', 30],
  ['４５', 45],
  ['30 min', 30],
  ['1小時30分', 90],
])
  test(`a promise typed as ${typed} is kept as ${minutes} minutes`, () =>
    at('mei', async (page) => {
      const plate = `PRO-${1000 + minutes}${typed.length}`;
      await toIntake(page);
      await fillCall(page, plate, { minutes: typed });
      const began = Date.now();
      await press(page, 'Control+Enter');
      await page.locator('.job-head').getByText(plate.slice(4)).waitFor();
      const [job] = await byPlate(plate);
      const given = job.promise.eta_by - began;
      assert.ok(given >= minutes * 60_000 - 2000 && given <= Date.now() - began + minutes * 60_000 + 2000, `${given}`);
    }));

test('a promise typed as a time of the day is that time in the zone of the branch, tomorrow if it has passed', () =>
  at('mei', async (page) => {
    await toIntake(page);
    await fillCall(page, 'PRO-1330', { minutes: '１３：３０' });
    await press(page, 'Control+Enter');
    await page.locator('.job-head').getByText('1330').waitFor();
    const [job] = await byPlate('PRO-1330');
    const shown = new Intl.DateTimeFormat('en-GB', { timeZone: 'Asia/Taipei', timeStyle: 'short' });
    assert.equal(shown.format(job.promise.eta_by), '13:30');
    assert.ok(job.promise.eta_by >= job.created_at || job.promise.eta_by > Date.now() - 60_000);
    assert.ok(job.promise.eta_by < Date.now() + 24 * 3600_000);
  }));

test('what cannot be read as a promise, a pin or a place is refused beside its field and nothing is lost', () =>
  at('mei', async (page) => {
    await toIntake(page);
    await fillCall(page, 'BAD-0001', { minutes: '馬上', place: 'https://maps.app.goo.gl/AbCdEf123' });
    await press(page, 'Control+Enter');
    await page.locator('#f-place-error').getByText('short link').waitFor();
    await page.waitForFunction(() => document.activeElement?.id === 'f-place');
    await page.locator('#f-place').fill('somewhere');
    await press(page, 'Control+Enter');
    await page.locator('#f-place-error').getByText('No pin').waitFor();
    await page
      .locator('#f-place')
      .fill('https://www.google.com/maps/place/X/@25.10,121.10,17z/data=!3m1!4b1!4m6!3d25.0339!4d121.5645');
    await press(page, 'Control+Enter');
    await page.locator('#f-minutes-error').getByText('13:30').waitFor();
    assert.deepEqual(await violations(page), []);
    await page.locator('#f-minutes').fill('30');
    await page.locator('#f-address').fill('');
    await page.locator('#f-place').fill('');
    await press(page, 'Control+Enter');
    await page.locator('#f-address-error').waitFor();
    assert.deepEqual(await byPlate('BAD-0001'), []);
    await page.locator('#f-place').fill(`25°02'01.8"N 121°33'52.2"E`);
    await press(page, 'Control+Enter');
    await page.locator('.job-head').getByText('0001').waitFor();
    const [job] = await byPlate('BAD-0001');
    assert.ok(Math.abs(job.intake.place.lat - 25.0338) < 0.001 && Math.abs(job.intake.place.lon - 121.5645) < 0.001);
  }));

test('a call that is being typed outlives a reload and is gone once it is taken', () =>
  at('mei', async (page) => {
    await toIntake(page);
    await fillCall(page, 'KEP-0001', { caller: '王小姐' });
    await page.reload();
    await page.locator('#f-plate').waitFor();
    await page.waitForFunction(() => document.querySelector('#f-plate').value === 'KEP-0001');
    assert.equal(await page.locator('#f-caller').inputValue(), '王小姐');
    await press(page, 'Control+Enter');
    await page.locator('.job-head').getByText('0001').waitFor();
    await toIntake(page);
    await page.reload();
    await page.locator('#f-plate').waitFor();
    assert.equal(await page.locator('#f-plate').inputValue(), '');
  }));

test('calls of an outage wait in a list, are sent in order and once, and move nobody from their page', () =>
  at('mei', async (page, { context }) => {
    await toIntake(page);
    await page.locator('.connection.live').waitFor();
    await context.setOffline(true);
    for (const plate of ['OUT-0001', 'OUT-0002', 'OUT-0003', 'OUT-0004']) {
      await fillCall(page, plate);
      await press(page, 'Control+Enter');
      await page.waitForFunction(() => document.querySelector('#f-plate').value === '');
    }
    await page.locator('.queued').nth(3).waitFor();
    await page.locator('.bar').getByText('4 calls not sent').waitFor();
    assert.deepEqual(await violations(page), []);
    const third = page.locator('.queued').filter({ hasText: 'OUT-0003' });
    await third.getByRole('button', { name: 'Discard' }).click();
    await page.locator('dialog').getByRole('button', { name: 'Discard' }).click();
    await third.waitFor({ state: 'detached' });
    await page.locator('.queued').filter({ hasText: 'OUT-0002' }).getByRole('button', { name: 'Edit' }).click();
    await page.locator('#f-caller').fill('改過的人');
    await press(page, 'Control+Enter');
    await page.waitForFunction(() => document.querySelector('#f-plate').value === '');
    await fillCall(page, 'TYP-0001');
    await context.setOffline(false);
    await page.locator('.queued').first().waitFor({ state: 'detached' });
    await page.waitForFunction(() => !document.querySelector('.queued'));
    assert.match(page.url(), /#\/intake$/);
    assert.equal(await page.locator('#f-plate').inputValue(), 'TYP-0001');
    const [first, second, third_, fourth] = await Promise.all(
      ['OUT-0001', 'OUT-0002', 'OUT-0003', 'OUT-0004'].map(byPlate),
    );
    assert.deepEqual([first.length, second.length, third_.length, fourth.length], [1, 1, 0, 1]);
    assert.equal(second[0].intake.caller, '改過的人');
    assert.match(first[0].notes[0].text, /taken at/);
  }));

test('a fresh urgent call covers no late one, on the board as on the wall, and L goes to the late one', async () => {
  const late = await as('POST', '/v1/jobs', {
    problem: 'fuel',
    address: '坪林',
    plate: 'ORD-0001',
    eta_by: Date.now() - 3 * 3600_000,
  });
  await as('POST', '/v1/jobs', { problem: 'fuel', address: '坪林', plate: 'ORD-0002', priority: 'urgent' });
  await at('mei', async (page) => {
    await page.locator('.lane.waiting .card').filter({ hasText: 'ORD' }).nth(1).waitFor();
    await page.locator('.lane.waiting .card').first().getByText(late.intake.number).waitFor();
    await press(page, 'l');
    await page.waitForFunction((id) => document.activeElement?.getAttribute('data-job') === id, late.id);
    assert.match(await page.locator('.card.is-selected').getAttribute('class'), /is-late/);
    assert.deepEqual(await violations(page), []);
    await press(page, 'w');
    await page.locator('.wall-columns li').first().getByText(late.intake.number).waitFor();
  });
});

test('after a job is given away on the board the cursor is on the next card of its lane', () =>
  at('mei', async (page) => {
    await page.locator('.lane.waiting .card').nth(2).waitFor();
    const ids = await page.locator('.lane.waiting [data-job]').evaluateAll((all) => all.map((one) => one.dataset.job));
    await page.locator(`[data-job="${ids[0]}"]`).focus();
    await press(page, 'a');
    await page.locator('.choice').first().waitFor();
    await press(page, '1');
    await page.locator('.refusal, .toast.done').first().waitFor();
    if (await page.locator('.refusal').count()) await press(page, 'y');
    await page.locator('dialog').waitFor({ state: 'detached' });
    await page.waitForFunction((id) => document.activeElement?.getAttribute('data-job') === id, ids[1]);
    await page.locator(`[data-job="${ids[0]}"]`).focus();
    await press(page, 'a');
    await page.locator('dialog h2').getByText('now with').waitFor();
  }));

test('the filter finds what a card shows, in the words of the page, and a phone number that it does not', async () => {
  await as('POST', '/v1/jobs', { problem: 'overheating', address: '烏來', plate: 'FIL-0001', phone: '0955 123 987' });
  await at('mei', async (page) => {
    const card = page.locator('.card').filter({ hasText: 'FIL' });
    await card.waitFor();
    for (const [text, isThere] of [
      ['fil-0001 overheating', true],
      ['battery fil-0001', false],
      ['0955123987', true],
    ]) {
      await page.locator('#board-text').fill(text);
      await card.waitFor({ state: isThere ? 'visible' : 'detached' });
    }
  });
});

test('a completed step asks for its reason from the start and knows who told it', async () => {
  const job = await as('POST', '/v1/jobs', { problem: 'tow', address: '烏來', plate: 'STE-0001' });
  await as('POST', `/v1/jobs/${job.id}/assign`, { technician: made.people[0], override: true });
  for (const step of ['accepted', 'en_route', 'on_scene', 'working'])
    await as('POST', `/v1/jobs/${job.id}/steps`, { step, at: Date.now() - 1000, told_by: '無線電' });
  await at('mei', async (page) => {
    await page.goto(`${server.url}/#/job/${job.id}`);
    await page.locator('.job-head').getByText('0001').waitFor();
    await press(page, 's');
    await page.locator('dialog #f-reason[required]').waitFor();
    assert.equal(await page.locator('#f-told_by').inputValue(), '林志明');
    await page.locator('#f-told_by').fill('');
    await press(page, 'Control+Enter');
    await page.locator('#f-told_by-error').getByText('Who told you').waitFor();
    await page.locator('#f-told_by').fill('無線電');
    await press(page, 'Control+Enter');
    await page.locator('#f-reason-error').waitFor();
    assert.equal(await page.locator('.toast').count(), 0);
  });
});

test('three messages are shown at most, the newest can be undone, and Escape clears them', () =>
  at('mei', async (page) => {
    await page.locator('.lane.waiting .card').nth(1).waitFor();
    await page.evaluate(async () => {
      const { done, tell } = await import(
        new URL('lib/actions.js', document.querySelector('script[type=module]').src).href
      );
      for (const name of ['one', 'two', 'three', 'four']) done(name);
      tell({ label: 'five', said: 'no' });
    });
    await page.locator('.toast').getByText('five').waitFor();
    assert.equal(await page.locator('.toast').count(), 3);
    await page.locator('.toasts').getByText('and 2 more').waitFor();
    await press(page, 'Escape');
    await page.locator('.toast').first().waitFor({ state: 'detached' });
  }));

test('a refusal is told in the language of the person, without words of the interface', async () => {
  const job = await as('POST', '/v1/jobs', { problem: 'tow', address: '烏來', plate: 'LAN-0001' });
  await at(
    'mei',
    async (page) => {
      await page.evaluate(() => localStorage.setItem('towline.language', 'zh-TW'));
      await page.goto(`${server.url}/#/job/${job.id}`);
      await page.reload();
      await page.locator('#edit-year').click();
      await page.locator('#f-year').fill('前年');
      await press(page, 'Enter');
      await page.locator('#f-year-error').getByText('這不是年份').waitFor();
      assert.doesNotMatch(await page.locator('#f-year-error').innerText(), /[a-z]/i);
    },
    { language: 'zh-TW' },
  );
});

test('recalling several jobs asks once, and says how many', async () => {
  await at('mei', async (page) => {
    await page.locator('.lane.given .card').first().waitFor();
    await page.locator('.lane.given [data-job]').first().focus();
    await press(page, 'x', 'r');
    await page.locator('dialog h2').getByText('Recall the job?').waitFor();
    await press(page, 'n');
    await page.locator('dialog').waitFor({ state: 'detached' });
    assert.equal(await page.locator('.bulk').count(), 1);
  });
});
