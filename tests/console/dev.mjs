// Serves the console from the folder and everything else from a server, so that an edit is seen at a reload.
//
//     node tests/console/dev.mjs http://127.0.0.1:8080 [port]
import { readFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = join(fileURLToPath(import.meta.url), '../../../server/console');
const MEDIA = {
  '.css': 'text/css',
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
};

/** @param {string} server @param {number} [port] */
export async function serve(server, port = 0) {
  const head = await fetch(server);
  const policy = head.headers.get('content-security-policy') ?? '';
  const proxy = createServer(async (incoming, answer) => {
    const path = new URL(incoming.url, 'http://x').pathname;
    const name =
      path === '/' || path === '/password' ? 'index.html' : path.startsWith('/c/dev/') ? normalize(path.slice(7)) : '';
    if (name && !name.startsWith('..')) {
      try {
        const bytes = await readFile(join(folder, name));
        const isPage = name === 'index.html';
        const body = isPage ? bytes.toString().replaceAll('{tree}', 'dev') : bytes;
        answer.writeHead(200, {
          'content-type': `${MEDIA[extname(name)] ?? 'text/plain'}; charset=utf-8`,
          'cache-control': 'no-store',
          ...(isPage ? { 'content-security-policy': policy } : {}),
        });
        answer.end(body);
      } catch {
        answer.writeHead(404).end();
      }
      return;
    }
    const to = request(
      new URL(incoming.url, server),
      { method: incoming.method, headers: incoming.headers },
      (from) => {
        answer.writeHead(from.statusCode, from.headers);
        from.pipe(answer);
      },
    );
    to.on('error', () => answer.destroy());
    incoming.pipe(to);
  });
  await new Promise((resolve) => proxy.listen(port, '127.0.0.1', () => resolve(undefined)));
  return { url: `http://127.0.0.1:${proxy.address().port}`, close: () => proxy.close() };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const running = await serve(process.argv[2], Number(process.argv[3] ?? 0));
  console.log(running.url);
}
