// A real server with a tenant, people and work of its own, and a browser that tells of every error.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
export const towline = process.env.TOWLINE_BIN ?? join(root, process.env.CARGO_TARGET_DIR ?? 'target', 'debug/towline');
export const PASSWORD = 'correct horse battery';

/** A server with one person of each role, or one that is restored from a backup. */
export async function startServer({ from = '' } = {}) {
  const data = mkdtempSync(join(tmpdir(), 'console-'));
  const admin = (...args) =>
    execFileSync(towline, ['admin', ...args, '--data', data], {
      input: PASSWORD,
      stdio: ['pipe', 'pipe', 'pipe'],
    }).toString();
  if (from) execFileSync(towline, ['restore', from, '--data', data]);
  else admin('tenant', '--slug', 'acme', '--name', '國都汽車');
  for (const [login, name, role] of [
    ['admin', 'Ada Wang', 'administrator'],
    ['mei', '林美惠', 'dispatcher'],
    ['kai', '陳凱', 'dispatcher'],
    ['boss', '王主任', 'manager'],
  ]) {
    if (from) break;
    admin('user', '--tenant', 'acme', '--login', login, '--name', name, '--role', role, '--password-stdin');
  }
  const child = spawn(
    towline,
    [
      'serve',
      '--data',
      data,
      '--listen',
      '127.0.0.1:0',
      '--password-memory-kib',
      '64',
      '--public-url',
      'http://127.0.0.1:1',
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let log = '';
  const url = await new Promise((resolve, reject) => {
    const read = (bytes) => {
      log += bytes;
      const found = /listens on (http\S+)/.exec(log);
      if (found) resolve(found[1]);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.on('exit', () => reject(new Error(log)));
  });
  const page = process.env.CONSOLE_DEV ? (await import('./dev.mjs')).serve(url) : null;
  const own = page ? await page : { url, close: () => {} };
  return {
    url: own.url,
    pid: child.pid,
    data,
    log: () => log,
    stop: async () => {
      own.close();
      child.kill();
      await new Promise((resolve) => child.on('exit', resolve));
      rmSync(data, { recursive: true, force: true });
    },
  };
}

/** The token of a person who logs in. */
export async function sessionOf(url, login) {
  const answer = await fetch(`${url}/v1/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ tenant: 'acme', login, password: PASSWORD }),
  });
  return (await answer.json()).token;
}

/** A person who speaks to the API. */
export async function client(url, login) {
  const token = await sessionOf(url, login);
  return async (method, path, body, headers = {}) => {
    const response = await fetch(url + path, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body ? { 'content-type': 'application/json' } : {}),
        ...headers,
      },
      body: body ? JSON.stringify(body) : undefined,
    });
    const data = await response.json().catch(() => null);
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${JSON.stringify(data)}`);
    return { ...data, etag: response.headers.get('etag') };
  };
}

/** A browser of its own. */
export const startBrowser = () =>
  chromium.launch({
    executablePath: process.env.TOWLINE_CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });

/** A desk: a fresh profile, in which every error of the console and every violation of its policy is kept. */
export async function desk(browser, url, { language = 'en', size = { width: 1920, height: 1080 }, ...more } = {}) {
  const context = await browser.newContext({
    viewport: size,
    locale: language,
    timezoneId: 'Asia/Taipei',
    reducedMotion: 'reduce',
    ...more,
  });
  const page = await context.newPage();
  const errors = [];
  page.on('pageerror', (error) => errors.push(`error: ${error.message}`));
  page.on('console', (message) => {
    const text = message.text();
    // What the server refuses is an answer, and the browser says so on its own; so it does of drawing by software.
    if (['error', 'warning'].includes(message.type()) && !/Failed to load resource|GL Driver Message/.test(text))
      errors.push(`${message.type()}: ${text}`);
  });
  await page.addInitScript(() =>
    addEventListener('securitypolicyviolation', (event) =>
      console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`),
    ),
  );
  await page.goto(url);
  return { page, context, errors };
}

/** Logs in with the keyboard. */
export async function logIn(page, login) {
  await page.getByLabel(/Dealership group|集團代號|集团代号/).fill('acme');
  await page.getByLabel(/^Login|^帳號|^账号/).fill(login);
  await page.getByLabel(/Password|密碼|密码/).fill(PASSWORD);
  await page.keyboard.press('Enter');
  await page.locator('.bar').waitFor();
  // A key pressed before would be typed into the form.
  await page.locator('#f-password').waitFor({ state: 'detached' });
}

const axe = readFileSync(fileURLToPath(new URL('./node_modules/axe-core/axe.min.js', import.meta.url)), 'utf8');
/** What axe finds on the page, in words. */
export async function violations(page) {
  await page.evaluate(axe);
  const found = await page.evaluate(() =>
    window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }),
  );
  return found.violations.flatMap((one) =>
    one.nodes.map((node) => `${one.id}: ${node.target.join(' ')} ${node.failureSummary}`),
  );
}
