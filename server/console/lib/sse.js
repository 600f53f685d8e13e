// Reads server-sent events from the bytes of an answer (HTML standard, 9.2).

/**
 * One block of the stream. A heartbeat has no `name`.
 * @typedef {{ name: string, id: string | null, data: any }} Block
 */

/** Longest text without the end of a block: what goes on longer is no stream of ours. */
const MOST = 4 << 20;

/**
 * The blocks of a stream, those that came together in one list.
 * @param {ReadableStream<Uint8Array>} body
 * @returns {AsyncGenerator<Block[], void, undefined>}
 */
export async function* blocks(body) {
  const reader = body.pipeThrough(/** @type {any} */ (new TextDecoderStream())).getReader();
  let text = '';
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      text += value;
      const parts = text.split('\n\n');
      text = parts.pop() ?? '';
      if (text.length > MOST) throw new TypeError('an event without an end');
      yield parts.map(block);
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** @param {string} text @returns {Block} */
function block(text) {
  /** @type {Block} */
  const one = { name: '', id: null, data: null };
  for (const line of text.split('\n')) {
    const colon = line.indexOf(': ');
    const value = line.slice(colon + 2);
    if (line.startsWith('event: ')) one.name = value;
    else if (line.startsWith('id: ')) one.id = value;
    else if (line.startsWith('data: ')) one.data = JSON.parse(value);
  }
  return one;
}
