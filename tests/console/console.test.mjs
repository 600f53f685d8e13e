// The console in a real browser on a real server: by keyboard, with two desks, with hostile texts, on every screen.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { gate } from './gate.mjs';
import { seed } from './seed.mjs';
import { PASSWORD, client, desk, logIn, startBrowser, startServer, violations } from './server.mjs';

let server;
let browser;
let as;
let made;
before(async () => {
  server = await startServer();
  browser = await startBrowser();
  as = await client(server.url, 'admin');
  made = await seed(as, 30);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Runs with a desk of its own; errors of the console and of the policy fail it. */
async function at(login, run, more, url = server.url) {
  const one = await desk(browser, url, more);
  try {
    if (login) await logIn(one.page, login);
    await run(one.page, one);
    assert.deepEqual(one.errors, []);
  } finally {
    await one.context.close();
  }
}
const type = (page, text) => page.keyboard.type(text);
const press = async (page, ...keys) => {
  for (const key of keys) await page.keyboard.press(key);
};
const focused = (page) => page.evaluate(() => document.activeElement?.id ?? '');

test('a wrong password is refused beside the form, the right one opens the board', () =>
  at(null, async (page) => {
    await page.getByLabel('Dealership group').fill('acme');
    await page.getByLabel('Login').fill('mei');
    await page.getByLabel('Password').fill('wrong password');
    await press(page, 'Enter');
    await page.getByRole('alert').filter({ hasText: 'Group, login or password is wrong.' }).waitFor();
    await page.getByLabel('Password').fill(PASSWORD);
    await press(page, 'Enter');
    await page.locator('.lane.waiting .card').first().waitFor();
    await page.locator('.connection.live').waitFor();
  }));

test('an invited person sets a password with the link and logs in with it', async () => {
  const { id } = await as('POST', '/v1/users', { login: 'neu', name: '新人', role: 'dispatcher', language: 'zh-TW' });
  const { secret } = await as('POST', `/v1/users/${id}/password-link`);
  const one = await desk(browser, `${server.url}/password#${secret}`);
  await one.page.locator('#f-password').fill('a password of my own');
  await one.page.locator('#f-again').fill('another');
  await press(one.page, 'Enter');
  await one.page.getByRole('alert').filter({ hasText: 'differ' }).waitFor();
  await one.page.locator('#f-again').fill('a password of my own');
  await press(one.page, 'Enter');
  await one.page.getByText('Your password is set.').waitFor();
  assert.ok(!one.page.url().includes('twp_'), 'the secret is gone from the address');
  assert.deepEqual(await violations(one.page), []);
  await one.page.locator('a.button').click();
  await one.page.locator('#f-password').fill('a password of my own');
  await one.page.locator('#f-tenant').fill('acme');
  await one.page.locator('#f-login').fill('neu');
  await one.page.locator('#f-password').focus();
  await press(one.page, 'Enter');
  await one.page.locator('.bar').waitFor();
  assert.deepEqual(one.errors, []);
  await one.context.close();
});

test('a rescue from the call to its completion needs no mouse', () =>
  at('mei', async (page) => {
    await page.locator('.card').first().waitFor();
    await press(page, 'n');
    await page.waitForFunction(() => document.activeElement?.id === 'f-phone');
    await type(page, '0987 654 321');
    await press(page, 'Tab');
    await type(page, '趙小姐');
    await press(page, 'Tab');
    await type(page, 'KEY-9876');
    await press(page, 'Tab');
    await type(page, '國道3號 100K 北上');
    await press(page, 'Tab');
    await type(page, '24.6789, 120.9876');
    while (!(await page.evaluate(() => document.activeElement?.closest('.chips')))) await press(page, 'Tab');
    await press(page, 'Space');
    while ((await focused(page)) !== 'f-minutes') await press(page, 'Tab');
    await type(page, '40');
    await press(page, 'Control+Enter');
    await page.locator('.job-head').getByText('KEY').waitFor();
    const number = (await page.locator('.job-head .number').innerText()).trim();
    assert.match(number, /^\d{6}-/);
    await press(page, 'a');
    await page.locator('.choice').first().waitFor();
    await press(page, '1');
    await page.locator('.job-head').getByText('Assigned', { exact: true }).waitFor();
    for (const [step, shown] of [
      ['Accepted', 'Accepted'],
      ['Set off', 'En route'],
      ['Arrived', 'On scene'],
      ['Began to work', 'Working'],
    ]) {
      await press(page, 's');
      await page.locator('dialog #f-step').waitFor();
      await page.waitForFunction(() => document.activeElement?.id === 'f-step');
      await type(page, step);
      while ((await focused(page)) !== 'f-told_by') await press(page, 'Tab');
      await type(page, '無線電');
      await press(page, 'Control+Enter');
      await page.locator('dialog').waitFor({ state: 'detached' });
      await page.locator('.job-head .badge').getByText(shown, { exact: true }).waitFor();
    }
    await press(page, 'm');
    await page.waitForFunction(() => document.activeElement?.id === 'f-description');
    await type(page, '出勤費');
    await press(page, 'Tab');
    await type(page, '1500');
    await press(page, 'Control+Enter');
    await page.locator('dialog').waitFor({ state: 'detached' });
    await press(page, 's');
    await page.waitForFunction(() => document.activeElement?.id === 'f-step');
    await type(page, 'Completed');
    while ((await focused(page)) !== 'f-told_by') await press(page, 'Tab');
    await type(page, '無線電');
    await press(page, 'Tab');
    await type(page, 'Signed on paper');
    await press(page, 'Control+Enter');
    await page.locator('.job-head .badge').getByText('Completed', { exact: true }).waitFor();
    await press(page, 'b');
    await page.locator('.lane.done').getByText(number).waitFor();
    const jobs = await as('GET', `/v1/jobs?text=KEY-9876`);
    const job = await as('GET', `/v1/jobs/${jobs.items[0].id}`);
    assert.equal(job.state, 'completed');
    assert.equal(job.intake.phone, '+886987654321');
    assert.equal(job.totals[0].total, job.tax_mode === 'exclusive' ? 157500 : 150000);
  }));

test('of two desks that change one field the second sees both values and chooses', async () => {
  const job = await as('POST', '/v1/jobs', { problem: 'battery', address: '原來的地點', plate: 'TWO-0001' });
  await at('mei', (one) =>
    at('kai', async (two) => {
      for (const page of [one, two]) {
        await page.goto(`${server.url}/#/job/${job.id}`);
        await page.locator('#edit-address').click();
        await page.waitForFunction(() => document.activeElement?.id === 'f-address');
      }
      await one.locator('#f-address').fill('美惠的地點');
      await press(one, 'Enter');
      await one.locator('#edit-address').getByText('美惠的地點').waitFor();
      // A field that nobody else changed goes through, whatever else was changed meanwhile.
      await two.locator('#f-address').fill('陳凱的地點');
      await press(two, 'Enter');
      await two.locator('.conflict').getByText('美惠的地點').waitFor();
      await two.locator('.conflict').getByText('陳凱的地點').waitFor();
      await two.getByText('林美惠').first().waitFor();
      assert.deepEqual(await violations(two), []);
      await two.getByRole('button', { name: 'Put mine' }).click();
      await two.locator('#edit-address').getByText('陳凱的地點').waitFor();
      await one.locator('#edit-address').getByText('陳凱的地點').waitFor();
      await one.locator('#edit-caller').click();
      await one.locator('#f-caller').fill('來電者');
      await as('POST', `/v1/jobs/${job.id}/notes`, { text: '別處的備註' });
      await press(one, 'Enter');
      await one.locator('#edit-caller').getByText('來電者').waitFor();
    }),
  );
});

test('a likely duplicate is shown while the call is taken, and joined instead of made', () =>
  at('mei', async (page) => {
    const first = await as('POST', '/v1/jobs', {
      problem: 'tow',
      place: { lat: 24.1234, lon: 120.6789 },
      address: '台中',
      plate: 'DUP-7777',
      phone: '0922 333 444',
    });
    const count = (await as('GET', '/v1/jobs?text=DUP-7777')).items.length;
    await press(page, 'n');
    await page.waitForFunction(() => document.activeElement?.id === 'f-phone');
    await type(page, '12');
    await page.locator('.finding').getByText('is not a valid phone').waitFor();
    await page.locator('#f-phone').fill('0922-333-444');
    await page.locator('#f-place').fill('24.1235, 120.6790');
    await page.locator('.twin').getByText(first.intake.number).waitFor();
    await page.locator('.twin').getByText('Same phone').waitFor();
    await page
      .locator('.twin')
      .getByText(/m away/)
      .waitFor();
    await page.getByText('Kept as +886922333444').waitFor();
    assert.deepEqual(await violations(page), []);
    await page.locator('#f-caller').fill('後車駕駛');
    await press(page, 'Alt+j');
    await page.locator('.job-head').getByText(first.intake.number).waitFor();
    await page.locator('.notes').getByText('後車駕駛').waitFor();
    assert.equal((await as('GET', '/v1/jobs?text=DUP-7777')).items.length, count);
  }));

const HOSTILE = [
  '<img src=x onerror=alert(1)>',
  '"><script>alert(1)</script>',
  "javascript:alert(1)//'",
  '{{constructor.constructor("alert(1)")()}}',
  '${alert(1)}',
  '</textarea><svg onload=alert(1)>',
];

test('texts of callers, phones and people are texts on every screen', async () => {
  const [a, b, c, d, e, f] = HOSTILE;
  const { id: user } = await as('POST', '/v1/users', { login: 'evil', name: a, role: 'technician' });
  await as('POST', `/v1/technicians/${user}/shifts`, { starts_at: Date.now() - 1000, ends_at: Date.now() + 3600_000 });
  await as('POST', `/v1/technicians/${user}/certificates`, { skill: b.slice(0, 60) });
  const job = await as('POST', '/v1/jobs', {
    problem: a,
    caller: b,
    phone: c,
    plate: d.slice(0, 60),
    vin: e,
    make: f,
    model: a,
    color: b,
    address: c + a,
    destination: d,
    remarks: f + b,
    skills: [a],
    equipment: [b],
    number: `X${Date.now()}`,
    source: a,
  });
  await as('POST', `/v1/jobs/${job.id}/assign`, { technician: user, override: true });
  for (const step of ['accepted', 'on_scene', 'goa'])
    await as('POST', `/v1/jobs/${job.id}/steps`, { step, at: Date.now(), told_by: a, note: b });
  await as('POST', `/v1/jobs/${job.id}/notes`, { text: HOSTILE.join('\n') });
  await as('POST', `/v1/jobs/${job.id}/charges`, { description: a, amount: 100, currency: 'TWD' });
  await as('POST', '/v1/vans', { name: a, plate: b, technician: user, equipment: [c] });
  await as('PUT', '/v1/parts/XSS-1', { description: a, unit: b.slice(0, 20), unit_price: 1, currency: 'TWD' }).catch(
    () => {},
  );
  await as('POST', '/v1/branches', { name: a, kind: 'owned', currency: 'TWD', time_zone: 'Asia/Taipei' });
  await at('admin', async (page) => {
    let alerts = 0;
    page.on('dialog', (dialog) => {
      alerts += 1;
      dialog.dismiss();
    });
    await page.locator(`[data-job="${job.id}"]`).getByText('onerror').first().waitFor();
    const look = async (hash) => {
      await page.goto(`${server.url}/#/${hash}`);
      await page.waitForTimeout(400);
    };
    await look(`job/${job.id}`);
    await page.locator('.notes').getByText('onerror').first().waitFor();
    await press(page, 'a');
    await page.locator('.choice').first().waitFor();
    await press(page, 'Escape');
    await look(`inbox/${job.id}`);
    await look(`people/${user}`);
    await press(page, '2');
    await look('admin');
    for (const key of ['1', '2', '3', '4', '5']) {
      await press(page, key);
      await page.waitForTimeout(200);
    }
    await look('wall');
    await press(page, 'Escape');
    await press(page, '/');
    await type(page, '<img src=x onerror=alert(1)>');
    await page.locator('.found button').first().waitFor();
    assert.equal(await page.locator('img, .desk script, svg[onload], textarea ~ svg').count(), 0);
    assert.equal(alerts, 0);
  });
});

test('a session that ends is opened again in place, and nothing that was typed is lost', () =>
  at('mei', async (page, { context }) => {
    await press(page, 'n');
    await page.locator('#f-caller').fill('打到一半');
    await page.locator('#f-address').fill('台7線 10K');
    await page.locator('.chips button').first().click();
    await context.clearCookies();
    await press(page, 'Control+Enter');
    await page.locator('dialog').getByText('Log in again').first().waitFor();
    assert.deepEqual(await violations(page), []);
    await page.locator('dialog #f-password').fill(PASSWORD);
    await press(page, 'Enter');
    await page.locator('.job-head').waitFor();
    await page.locator('#edit-caller').getByText('打到一半').waitFor();
  }));

test('a refusal stands beside its field', () =>
  at('mei', async (page) => {
    await press(page, 'n');
    await page.locator('.chips button').first().click();
    await page.locator('#f-address').fill('somewhere');
    await page.locator('#f-place').fill('0, 0');
    await press(page, 'Control+Enter');
    await page.locator('#f-place-error').waitFor();
    await page.locator('.field .note input[type="checkbox"]').check();
    await page.locator('#f-year').fill('12');
    await press(page, 'Control+Enter');
    await page.locator('#f-year-error').waitFor();
    await page.locator('#f-year').fill('2020');
    await press(page, 'Control+Enter');
    await page.locator('.job-head').waitFor();
  }));

test('several jobs are acted on at once with a result for each', async () => {
  // Without the stream a page can be kept from hearing of changes.
  const way = await gate(server.url);
  way.refuse(503);
  const run = async (page) => {
    const good = await as('POST', '/v1/jobs', { problem: 'stuck', address: '批次一', plate: 'BULK-01' });
    const bad = await as('POST', '/v1/jobs', { problem: 'stuck', address: '批次二', plate: 'BULK-02' });
    for (const job of [good, bad]) await page.locator(`.card:has([data-job="${job.id}"]) .mark`).check({ force: true });
    await page.locator('.bulk').getByText('2 marked').waitFor();
    // Someone else cancels one of them before.
    await page.route('**/v1/jobs/changes*', (route) => route.abort());
    await as('POST', `/v1/jobs/${bad.id}/cancel`, { reason: 'other' });
    await page.locator('.bulk').getByRole('button', { name: 'Cancel job' }).click();
    await page.locator('dialog .button.danger').click();
    await page.getByText('1 done, 1 refused.').waitFor();
    assert.deepEqual(await violations(page), []);
    await press(page, 'Escape');
    await page.locator('.bulk').getByText('1 marked').waitFor();
  };
  await at('mei', run, {}, way.url).finally(way.close);
});

test('the command line finds by number, plate and name, and keys do nothing while someone types', () =>
  at('mei', async (page) => {
    await page.locator('.card').first().waitFor();
    const job = (await as('GET', '/v1/jobs?limit=1')).items[0];
    await press(page, '/');
    await type(page, job.number);
    await page.locator('.found [aria-selected="true"]').getByText(job.number).waitFor();
    assert.deepEqual(await violations(page), []);
    await press(page, 'Enter');
    await page.locator('.job-head').getByText(job.number).waitFor();
    await press(page, 'b');
    await page.locator('.board .card').first().waitFor();
    await press(page, 'f');
    await type(page, 'npew');
    assert.equal(await page.locator('#board-text').inputValue(), 'npew');
    await press(page, 'Escape');
    await page.locator('.board .card').first().waitFor();
    await press(page, '?');
    await page.getByRole('heading', { name: 'Keys' }).waitFor();
    assert.deepEqual(await violations(page), []);
  }));

test('no key of the desk works while an input method composes', () =>
  at('mei', async (page) => {
    await page.locator('.card').first().waitFor();
    await page.evaluate(() =>
      dispatchEvent(new KeyboardEvent('keydown', { code: 'KeyN', key: 'Process', isComposing: true })),
    );
    await page.evaluate(() =>
      dispatchEvent(new KeyboardEvent('keydown', { code: 'KeyN', key: 'Process', keyCode: 229 })),
    );
    assert.equal(new URL(page.url()).hash, '');
  }));

test('a decision is made by its number and leaves the inbox', () =>
  at('mei', async (page) => {
    const job = await as('POST', '/v1/jobs', { problem: 'lockout', address: '待決', plate: 'GOA-0001' });
    await as('POST', `/v1/jobs/${job.id}/assign`, { technician: made.people[0], override: true });
    for (const step of ['accepted', 'on_scene', 'goa'])
      await as('POST', `/v1/jobs/${job.id}/steps`, {
        step,
        at: Date.now(),
        told_by: '無線電',
        ...(step === 'goa' ? { attempts: 2 } : {}),
      });
    await page.locator('.card').getByText('GOA').waitFor();
    await page.goto(`${server.url}/#/inbox/${job.id}`);
    await page.getByRole('heading', { name: 'Technician found nobody' }).waitFor();
    assert.deepEqual(await violations(page), []);
    await press(page, '1');
    await page.locator('.toast.done').waitFor();
    assert.equal((await as('GET', `/v1/jobs/${job.id}`)).state, 'goa');
  }));

for (const [language, width, height, themes] of [
  ['en', 1920, 1080, ['light', 'dark']],
  ['zh-TW', 1280, 800, ['light', 'dark']],
  ['zh-CN', 1280, 800, ['light']],
]) {
  test(`axe finds nothing on any screen in ${language} at ${width} x ${height}, and no word is missing`, () =>
    at(
      'admin',
      async (page) => {
        await page.evaluate((tag) => localStorage.setItem('towline.language', tag), language);
        await page.reload();
        await page.locator('.card').first().waitFor();
        await page.locator('.connection.live').waitFor();
        const screens = ['board', 'intake', `job/${made.jobs[5]}`, 'inbox', 'people', 'admin', 'wall'];
        for (const theme of themes) {
          await page.evaluate((theme) => {
            document.documentElement.dataset.theme = theme;
          }, theme);
          for (const screen of screens) {
            await page.goto(`${server.url}/#/${screen}`);
            await page.locator(`main.${screen.split('/')[0]}`).waitFor();
            await page.waitForTimeout(250);
            const tabs = await page.locator('.tabs button').count();
            for (let tab = 1; tab <= Math.max(1, tabs); tab += 1) {
              if (tabs) await press(page, String(tab));
              await page.waitForTimeout(tabs ? 250 : 0);
              assert.deepEqual(await violations(page), [], `${screen} ${tab} ${theme}`);
              assert.ok(!(await page.locator('body').innerText()).includes('undefined'), screen);
              const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
              assert.ok(wide <= 0, `${screen} is ${wide} px too wide`);
            }
          }
        }
      },
      { language, size: { width, height } },
    ));
}

test('at 200 % zoom everything is there and nothing scrolls sideways', () =>
  at(
    'mei',
    async (page) => {
      for (const screen of ['board', 'intake', `job/${made.jobs[5]}`, 'inbox', 'people']) {
        await page.goto(`${server.url}/#/${screen}`);
        await page.locator(`main.${screen.split('/')[0]}`).waitFor();
        await page.waitForTimeout(250);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(wide <= 0, `${screen} is ${wide} px too wide`);
      }
    },
    { size: { width: 960, height: 540 } },
  ));
