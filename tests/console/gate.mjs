// A proxy between a browser and a server that can be cut, put before another server, and made to refuse the stream.
import { createServer, request } from 'node:http';

/** @param {string} server */
export async function gate(server) {
  const sockets = new Set();
  let isCut = false;
  let refusal = 0;
  const open = new Set();
  const asked = [];
  const proxy = createServer((incoming, answer) => {
    asked.push({ path: incoming.url, headers: incoming.headers });
    const isStream = incoming.url.startsWith('/v1/events');
    if (isStream && refusal) {
      answer.writeHead(refusal, { 'content-type': 'application/problem+json', 'retry-after': '600' });
      answer.end('{"code":"overloaded"}');
      return;
    }
    const to = request(
      new URL(incoming.url, server),
      { method: incoming.method, headers: incoming.headers },
      (from) => {
        if (isStream) {
          open.add(answer);
          answer.on('close', () => open.delete(answer));
        }
        answer.writeHead(from.statusCode, from.headers);
        from.pipe(answer);
        from.on('error', () => answer.destroy());
      },
    );
    to.on('error', () => answer.destroy());
    answer.on('close', () => to.destroy());
    incoming.pipe(to);
  });
  proxy.on('connection', (socket) => {
    if (isCut) return socket.destroy();
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', () => resolve(undefined)));
  return {
    url: `http://127.0.0.1:${proxy.address().port}`,
    /** Requests that came, in their order. */
    asked,
    /** How many streams are open. */
    streams: () => open.size,
    /** Breaks every connection and takes no other. */
    cut: () => {
      isCut = true;
      for (const socket of sockets) socket.destroy();
    },
    mend: () => {
      isCut = false;
    },
    /** Answers the stream with a status; 0 lets it through. */
    refuse: (status) => {
      refusal = status;
    },
    /** Goes to another server from now on. */
    to: (url) => {
      server = url;
    },
    close: () => {
      proxy.closeAllConnections();
      proxy.close();
    },
  };
}
