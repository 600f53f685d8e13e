// Takes pictures of every screen of a board with work, to be looked at.
//
//     node tests/console/shots.mjs FOLDER [language] [dark] [WIDTHxHEIGHT] [--dev]
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serve } from './dev.mjs';
import { seed } from './seed.mjs';
import { client, desk, logIn, startBrowser, startServer, violations } from './server.mjs';

const [folder = join(tmpdir(), 'desk-shots'), ...rest] = process.argv.slice(2);
const language = rest.find((one) => ['en', 'zh-TW', 'zh-CN'].includes(one)) ?? 'zh-TW';
const size = (rest.find((one) => /^\d+x\d+$/.test(one)) ?? '1920x1080').split('x').map(Number);
const only = rest
  .find((one) => one.startsWith('--only='))
  ?.slice(7)
  .split(',');
mkdirSync(folder, { recursive: true });
const server = process.env.TOWLINE_URL ? { url: process.env.TOWLINE_URL, stop: async () => {} } : await startServer();
const as = await client(server.url, 'admin');
if (!process.env.TOWLINE_URL) await seed(as, 60);
const page0 = rest.includes('--dev') ? await serve(server.url) : { url: server.url, close: () => {} };
const browser = await startBrowser();
const { page, errors } = await desk(browser, page0.url, {
  language,
  size: { width: size[0], height: size[1] },
  colorScheme: rest.includes('dark') ? 'dark' : 'light',
});
let number = 0;
const shot = async (name) => {
  number += 1;
  if (only && !only.some((one) => name.includes(one))) return;
  await page.waitForTimeout(250);
  await page.screenshot({ path: `${folder}/${String(number).padStart(2, '0')}-${name}.png` });
  for (const line of await violations(page)) console.log(`axe ${name}: ${line}`);
};
try {
  await page.locator('form').waitFor();
  await page.locator(`.languages [lang="${language}"]`).click();
  await shot('login');
  await logIn(page, 'admin');
  await page.locator('.card').first().waitFor();
  await page.waitForTimeout(1500);
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  await shot('board');
  await page.keyboard.press('KeyX');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('KeyX');
  await shot('marked');
  await page.keyboard.press('Escape');
  await page.keyboard.press('KeyA');
  await page.locator('.choice').first().waitFor();
  await shot('candidates');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Shift+Slash');
  await shot('keys');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Slash');
  await page.keyboard.type('北宜');
  await page.waitForTimeout(600);
  await shot('command');
  await page.keyboard.press('Escape');
  await page.keyboard.press('KeyN');
  await page.locator('#f-phone').waitFor();
  await page.locator('#f-phone').fill('0912 100 10');
  await page.locator('#f-plate').fill('AKV-1000');
  await page.locator('#f-address').fill('國道5號北上 23.4K');
  await page.locator('#f-place').fill('24.8625, 121.7868');
  await page.locator('#f-minutes').fill('45');
  await page.waitForTimeout(1200);
  await shot('intake');
  await page.keyboard.press('Escape');
  await page.locator('.lane.on_scene .card a').first().click();
  await page.locator('.job-head').waitFor();
  await shot('job');
  await page.locator('#edit-address').click();
  await shot('job-edit');
  await page.keyboard.press('Escape');
  await page.keyboard.press('KeyS');
  await shot('step');
  await page.keyboard.press('Escape');
  await page.goto(`${page0.url}/#/inbox`);
  await page
    .locator('.inbox-one .option')
    .first()
    .waitFor({ timeout: 5000 })
    .catch(() => {});
  await shot('inbox');
  for (const name of ['timeline', 'map', 'proposal']) {
    await page.goto(`${page0.url}/#/${name}`);
    await page.locator('.bar-job, .sign, .proposal-row').first().waitFor();
    await page.waitForTimeout(1500);
    await shot(name);
  }
  await page.goto(`${page0.url}/#/people`);
  await page.locator('tbody tr button').first().click();
  await shot('technicians');
  await page.keyboard.press('Digit2');
  await page.locator('tbody tr button').first().click();
  await shot('vans');
  await page.keyboard.press('Digit3');
  await page.keyboard.press('KeyQ');
  await page.locator('#f-user').selectOption({ index: 1 });
  await page.locator('dialog form .button.primary').click();
  await page.locator('.code').waitFor();
  await shot('enrol');
  await page.keyboard.press('Escape');
  await page.goto(`${page0.url}/#/admin`);
  for (const [key, name] of [
    ['Digit1', 'branches'],
    ['Digit2', 'users'],
    ['Digit3', 'tokens'],
    ['Digit4', 'parts'],
    ['Digit5', 'audit'],
    ['Digit6', 'billing'],
  ]) {
    await page.waitForTimeout(300);
    await page.keyboard.press(key);
    await page.waitForTimeout(400);
    await shot(name);
  }
  await page.keyboard.press('KeyW');
  await page.waitForTimeout(500);
  await shot('wall');
} catch (error) {
  console.log(String(error));
  await page.screenshot({ path: `${folder}/failed.png` });
}
for (const line of errors) console.log(line);
await browser.close();
page0.close();
await server.stop();
