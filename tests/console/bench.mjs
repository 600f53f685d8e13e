// Measures the console in a real browser on a real server: bytes, time to a usable board, changes on screen, frames
// while scrolling, memory, and how long an event takes to 200 desks.
//
//     TOWLINE_BIN=target/release/towline node tests/console/bench.mjs [jobs] [desks]
//
// Times depend on the machine: read them together, of one run. Each line names the budget that the console keeps.
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { seed } from './seed.mjs';
import { PASSWORD, client, desk, logIn, sessionOf, startBrowser, startServer } from './server.mjs';

const [jobCount = 500, deskCount = 200] = process.argv.slice(2).map(Number);
const rate = 20;
const server = await startServer();
const as = await client(server.url, 'admin');
const { jobs } = await seed(as, jobCount);
const browser = await startBrowser();

const say = (what, value, budget) => console.log(`${what.padEnd(58)} ${String(value).padStart(12)}   budget ${budget}`);
const sorted = (numbers) => numbers.toSorted((a, b) => a - b);
const at = (numbers, share) => sorted(numbers)[Math.min(numbers.length - 1, Math.floor(numbers.length * share))];
const residentKiB = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))[1]);

let turn = 0;
/** Told of every promise before it is sent. @param {number} promise */
let onSent = (promise) => void promise;
/** A change that a card shows: another promise. */
async function change(id) {
  const seen = await as('GET', `/v1/jobs/${id}`);
  turn += 1;
  const eta_by = Math.floor(Date.now() / 1e6) * 1e6 + 3_600_000 + turn;
  onSent(eta_by);
  await as('PATCH', `/v1/jobs/${id}`, { eta_by }, { 'if-match': seen.etag });
}
/** Changes jobs at a steady rate until it is stopped; gives how many. */
function storm() {
  let going = true;
  let made = 0;
  const run = (async () => {
    const begin = Date.now();
    while (going) {
      await change(jobs[made % jobs.length]).catch(() => {});
      made += 1;
      const wait = begin + (made * 1000) / rate - Date.now();
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    }
  })();
  return async () => {
    going = false;
    await run;
    return made;
  };
}

const { page, context } = await desk(browser, server.url, { size: { width: 1920, height: 1080 } });
await logIn(page, 'mei');
await page.locator('.card').first().waitFor();
const devtools = await context.newCDPSession(page);
await devtools.send('Network.enable');
let bytes = 0;
devtools.on('Network.loadingFinished', (event) => (bytes += event.encodedDataLength));

async function load(isCold) {
  if (isCold) await devtools.send('Network.clearBrowserCache');
  bytes = 0;
  await page.goto('about:blank');
  const begin = performance.now();
  await page.goto(server.url);
  await page.locator('.connection.live').waitFor();
  await page.locator('.card').first().waitFor();
  const usable = performance.now() - begin;
  await page.waitForTimeout(500);
  return { usable, kilobytes: bytes / 1000 };
}
const cold = await load(true);
const warm = await load(false);
say(`cold, ${jobCount} jobs: on the wire`, `${cold.kilobytes.toFixed(0)} KB`, '150 KB and the jobs');
say('cold: until the board can be used', `${cold.usable.toFixed(0)} ms`, '1000 ms');
say('warm: on the wire', `${warm.kilobytes.toFixed(0)} KB`, '50 KB and the jobs');

// Changes that come at once: made while the desk is cut.
await context.setOffline(true);
for (let round = 0; round < 2; round += 1) for (const id of jobs) await change(id).catch(() => {});
await page.evaluate(() => {
  window.longest = 0;
  new PerformanceObserver((list) => {
    for (const one of list.getEntries()) window.longest = Math.max(window.longest, one.duration);
  }).observe({ type: 'longtask' });
});
await context.setOffline(false);
await page.locator('.connection.live').waitFor();
await page.waitForTimeout(3000);
say(
  `${2 * jobs.length} changes at once: longest task of the page`,
  `${await page.evaluate(() => window.longest)} ms`,
  '100 ms',
);

let stop = storm();
const frames = await page.evaluate(
  () =>
    new Promise((resolve) => {
      const lane = [...document.querySelectorAll('.lane *, .lane')].find(
        (one) => one.scrollHeight > one.clientHeight + 50,
      );
      let count = 0;
      const begin = performance.now();
      const step = () => {
        count += 1;
        if (lane) lane.scrollTop = (count * 12) % Math.max(1, lane.scrollHeight - lane.clientHeight);
        if (performance.now() - begin < 5000) requestAnimationFrame(step);
        else resolve((count * 1000) / (performance.now() - begin));
      };
      requestAnimationFrame(step);
    }),
);
await stop();
say(`scrolling under ${rate} changes/s`, `${frames.toFixed(0)} fps`, '50 fps');

const heap = async () => {
  await devtools.send('HeapProfiler.collectGarbage');
  return (await devtools.send('Runtime.getHeapUsage')).usedSize / 1e6;
};
const before = await heap();
stop = storm();
await page.waitForTimeout(30_000);
const made = await stop();
const after = await heap();
const hour = after + (Math.max(0, after - before) / made) * rate * 3600;
say(`heap after ${made} changes`, `${after.toFixed(1)} MB`, '40 MB');
say(`heap after an hour of them, if it grows on (was ${before.toFixed(1)} MB)`, `${hour.toFixed(1)} MB`, '40 MB');
await context.close();

await browser.close();

// Desks by themselves, without a browser: each follows the stream of events as a person of its own.
const desks = await Promise.all(
  Array.from({ length: deskCount }, async (_, number) => {
    const login = `desk${number}`;
    const { id } = await as('POST', '/v1/users', { login, name: `Desk ${number}`, role: 'dispatcher' });
    const { secret } = await as('POST', `/v1/users/${id}/password-link`);
    const password = await fetch(`${server.url}/v1/password-links/redeem`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ secret, password: PASSWORD }),
    });
    if (!password.ok) throw new Error(await password.text());
    return sessionOf(server.url, login);
  }),
);
/** When each promise was sent, by its value. */
const sent = new Map();
const delays = [];
const residentBefore = residentKiB();
const followed = desks.map(
  (token) =>
    new Promise((resolve, reject) => {
      const asked = request(`${server.url}/v1/events`, { headers: { authorization: `Bearer ${token}` } }, (answer) => {
        if (answer.statusCode !== 200) reject(new Error(`events: ${answer.statusCode}`));
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (part) => {
          text += part;
          const ends = text.lastIndexOf('\n\n');
          if (ends < 0) return;
          const now = performance.now();
          for (const [, promise] of text.slice(0, ends).matchAll(/"eta_by":(\d+)/g)) {
            const begin = sent.get(Number(promise));
            if (begin !== undefined) delays.push(now - begin);
          }
          text = text.slice(ends + 2);
          resolve(asked);
        });
      });
      asked.on('error', reject);
      asked.end();
    }),
);
const streams = await Promise.all(followed);
onSent = (promise) => sent.set(promise, performance.now());
stop = storm();
await new Promise((resolve) => setTimeout(resolve, 20_000));
const written = await stop();
await new Promise((resolve) => setTimeout(resolve, 1000));
say(`${deskCount} desks, ${written} changes: an event at a desk, p50`, `${at(delays, 0.5).toFixed(0)} ms`, '');
say(`${deskCount} desks: p99`, `${at(delays, 0.99).toFixed(0)} ms`, '1000 ms');
say(
  `${deskCount} desks: events seen, of each at each desk`,
  `${((100 * delays.length) / (written * deskCount)).toFixed(1)} %`,
  '',
);
const more = (residentKiB() - residentBefore) / 1000;
say(`${deskCount} desks: more memory of the server`, `${more.toFixed(0)} MB`, '300 MB');
for (const one of streams) one.destroy();
await server.stop();
