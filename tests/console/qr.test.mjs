// The QR codes of the console are read back by a decoder that knows nothing of it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import jsqr from 'jsqr';
import { qr } from '../../server/console/lib/qr.js';

/** The text a camera would read. */
function read(rows) {
  const scale = 4;
  const side = (rows.length + 8) * scale;
  const pixels = new Uint8ClampedArray(side * side * 4).fill(255);
  rows.forEach((row, y) =>
    row.forEach((dark, x) => {
      if (!dark) return;
      for (let dy = 0; dy < scale; dy += 1)
        for (let dx = 0; dx < scale; dx += 1) {
          const at = (((y + 4) * scale + dy) * side + (x + 4) * scale + dx) * 4;
          pixels[at] = pixels[at + 1] = pixels[at + 2] = 0;
        }
    }),
  );
  return jsqr(pixels, side, side)?.data;
}

test('codes of every length up to 213 bytes are read back', () => {
  for (let length = 1; length <= 213; length += 1) {
    const text = 'towline:enrol?url=https%3A%2F%2Frescue.example.com&code=ABCD-EFGH-IJKL'.repeat(4).slice(0, length);
    const rows = qr(text);
    assert.ok(rows, `${length} bytes fit`);
    assert.equal(read(rows), text, `${length} bytes`);
  }
});

test('a text that does not fit has no code', () => {
  assert.equal(qr('x'.repeat(214)), null);
});
