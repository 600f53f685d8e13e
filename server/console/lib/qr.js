// QR codes (ISO/IEC 18004): bytes, error correction M, versions 1 to 10. That is 213 bytes, and an
// enrolment needs half of it.

const ECC = [10, 16, 26, 18, 24, 16, 18, 22, 22, 26];
const BLOCKS = [1, 1, 1, 2, 2, 4, 4, 4, 5, 5];
const WORDS = [26, 44, 70, 100, 134, 172, 196, 242, 292, 346];
const ALIGN = [[], [6, 18], [6, 22], [6, 26], [6, 30], [6, 34], [6, 22, 38], [6, 24, 42], [6, 26, 46], [6, 28, 50]];

const EXP = new Uint8Array(512);
const LOG = new Uint8Array(256);
for (let at = 0, value = 1; at < 255; at += 1) {
  EXP[at] = value;
  EXP[at + 255] = value;
  LOG[value] = at;
  value = (value << 1) ^ (value & 0x80 ? 0x11d : 0);
}
const n = (/** @type {ArrayLike<number>} */ list, /** @type {number} */ at) => list[at] ?? 0;
const times = (/** @type {number} */ a, /** @type {number} */ b) => (a && b ? n(EXP, n(LOG, a) + n(LOG, b)) : 0);

/** The Reed-Solomon words of a block. @param {number[]} data @param {number} degree */
function correction(data, degree) {
  let generator = [1];
  for (let at = 0; at < degree; at += 1) {
    const next = [...generator, 0];
    generator.forEach((value, index) => {
      next[index + 1] = n(next, index + 1) ^ times(value, n(EXP, at));
    });
    generator = next;
  }
  const rest = [...data, ...new Array(degree).fill(0)];
  for (let at = 0; at < data.length; at += 1) {
    const factor = n(rest, at);
    generator.forEach((value, index) => {
      rest[at + index] = n(rest, at + index) ^ times(value, factor);
    });
  }
  return rest.slice(data.length);
}

/** All words in the order in which they are drawn. @param {Uint8Array} bytes @param {number} v version less one */
function words(bytes, v) {
  const room = n(WORDS, v) - n(ECC, v) * n(BLOCKS, v);
  /** @type {number[]} */
  const bits = [];
  const put = (/** @type {number} */ value, /** @type {number} */ count) => {
    for (let bit = count - 1; bit >= 0; bit -= 1) bits.push((value >> bit) & 1);
  };
  put(4, 4);
  put(bytes.length, v < 9 ? 8 : 16);
  bytes.forEach((byte) => put(byte, 8));
  put(0, Math.min(4, room * 8 - bits.length));
  while (bits.length % 8) bits.push(0);
  const data = [];
  for (let at = 0; at < bits.length; at += 8) data.push(bits.slice(at, at + 8).reduce((sum, bit) => sum * 2 + bit, 0));
  for (let at = 0; data.length < room; at += 1) data.push(at % 2 ? 0x11 : 0xec);
  const blocks = n(BLOCKS, v);
  const short = Math.floor(room / blocks);
  const long = room % blocks;
  const parts = [];
  for (let at = 0, from = 0; at < blocks; at += 1) {
    const length = short + (at >= blocks - long ? 1 : 0);
    parts.push(data.slice(from, from + length));
    from += length;
  }
  const checks = parts.map((part) => correction(part, n(ECC, v)));
  const all = [];
  for (let at = 0; at <= short; at += 1) for (const part of parts) if (at < part.length) all.push(n(part, at));
  for (let at = 0; at < n(ECC, v); at += 1) for (const check of checks) all.push(n(check, at));
  return all;
}

const MASKS = [
  (/** @type {number} */ x, /** @type {number} */ y) => (x + y) % 2,
  (/** @type {number} */ _, /** @type {number} */ y) => y % 2,
  (/** @type {number} */ x) => x % 3,
  (/** @type {number} */ x, /** @type {number} */ y) => (x + y) % 3,
  (/** @type {number} */ x, /** @type {number} */ y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2,
  (/** @type {number} */ x, /** @type {number} */ y) => ((x * y) % 2) + ((x * y) % 3),
  (/** @type {number} */ x, /** @type {number} */ y) => (((x * y) % 2) + ((x * y) % 3)) % 2,
  (/** @type {number} */ x, /** @type {number} */ y) => (((x + y) % 2) + ((x * y) % 3)) % 2,
];

/**
 * The modules of a code: rows of dark (1) and light (0).
 * @param {string} text
 * @returns {number[][] | null} nothing for a text that is too long
 */
export function qr(text) {
  const bytes = new TextEncoder().encode(text);
  const v = WORDS.findIndex((all, at) => bytes.length + (at < 9 ? 2 : 3) <= all - n(ECC, at) * n(BLOCKS, at));
  if (v < 0) return null;
  const size = 21 + 4 * v;
  const dark = Array.from({ length: size }, () => new Array(size).fill(0));
  const fixed = Array.from({ length: size }, () => new Array(size).fill(0));
  const set = (/** @type {number} */ x, /** @type {number} */ y, /** @type {number | boolean} */ value) => {
    const [row, isFixed] = [dark[y], fixed[y]];
    if (!row || !isFixed || x < 0 || x >= size) return;
    row[x] = value ? 1 : 0;
    isFixed[x] = 1;
  };
  for (let at = 0; at < size; at += 1) {
    set(6, at, at % 2 === 0);
    set(at, 6, at % 2 === 0);
  }
  for (const [cx, cy] of [
    [3, 3],
    [size - 4, 3],
    [3, size - 4],
  ]) {
    for (let dy = -4; dy <= 4; dy += 1)
      for (let dx = -4; dx <= 4; dx += 1) {
        const ring = Math.max(Math.abs(dx), Math.abs(dy));
        set((cx ?? 0) + dx, (cy ?? 0) + dy, ring !== 2 && ring !== 4);
      }
  }
  const places = ALIGN[v] ?? [];
  const last = places.length - 1;
  places.forEach((cx, i) =>
    places.forEach((cy, j) => {
      if ((i === 0 && j === 0) || (i === 0 && j === last) || (i === last && j === 0)) return;
      for (let dy = -2; dy <= 2; dy += 1)
        for (let dx = -2; dx <= 2; dx += 1) set(cx + dx, cy + dy, Math.max(Math.abs(dx), Math.abs(dy)) !== 1);
    }),
  );
  if (v >= 6) {
    let rest = v + 1;
    for (let at = 0; at < 12; at += 1) rest = (rest << 1) ^ ((rest >> 11) * 0x1f25);
    const bits = ((v + 1) << 12) | rest;
    for (let at = 0; at < 18; at += 1) {
      const [a, b] = [size - 11 + (at % 3), Math.floor(at / 3)];
      set(a, b, (bits >> at) & 1);
      set(b, a, (bits >> at) & 1);
    }
  }
  const format = (/** @type {number} */ mask) => {
    let rest = mask;
    for (let at = 0; at < 10; at += 1) rest = (rest << 1) ^ ((rest >> 9) * 0x537);
    const bits = ((mask << 10) | rest) ^ 0x5412;
    const bit = (/** @type {number} */ at) => (bits >> at) & 1;
    for (let at = 0; at <= 5; at += 1) set(8, at, bit(at));
    set(8, 7, bit(6));
    set(8, 8, bit(7));
    set(7, 8, bit(8));
    for (let at = 9; at < 15; at += 1) set(14 - at, 8, bit(at));
    for (let at = 0; at < 8; at += 1) set(size - 1 - at, 8, bit(at));
    for (let at = 8; at < 15; at += 1) set(8, size - 15 + at, bit(at));
    set(8, size - 8, 1);
  };
  format(0);
  const all = words(bytes, v);
  let at = 0;
  for (let right = size - 1; right >= 1; right -= 2) {
    if (right === 6) right = 5;
    for (let step = 0; step < size; step += 1)
      for (let side = 0; side < 2; side += 1) {
        const x = right - side;
        const y = ((right + 1) & 2) === 0 ? size - 1 - step : step;
        const row = dark[y];
        if (!row || fixed[y]?.[x] || at >= all.length * 8) continue;
        row[x] = (n(all, at >> 3) >> (7 - (at & 7))) & 1;
        at += 1;
      }
  }
  const masked = (/** @type {number} */ mask) =>
    dark.map((row, y) => row.map((value, x) => (fixed[y]?.[x] ? value : value ^ (MASKS[mask]?.(x, y) === 0 ? 1 : 0))));
  let best = 0;
  let least = Infinity;
  for (let mask = 0; mask < 8; mask += 1) {
    format(mask);
    const cost = unevenness(masked(mask));
    if (cost < least) [best, least] = [mask, cost];
  }
  format(best);
  return masked(best);
}

/** Runs, blocks and the share of dark: less is easier to read. @param {number[][]} rows */
function unevenness(rows) {
  const size = rows.length;
  const get = (/** @type {number} */ x, /** @type {number} */ y) => rows[y]?.[x] ?? 0;
  let cost = 0;
  let sum = 0;
  for (let a = 0; a < size; a += 1) {
    let [across, down] = [1, 1];
    for (let b = 0; b < size; b += 1) {
      sum += get(b, a);
      if (b > 0) {
        across = get(b, a) === get(b - 1, a) ? across + 1 : 1;
        down = get(a, b) === get(a, b - 1) ? down + 1 : 1;
        if (across === 5) cost += 3;
        else if (across > 5) cost += 1;
        if (down === 5) cost += 3;
        else if (down > 5) cost += 1;
        if (a > 0 && get(b, a) === get(b - 1, a) && get(b, a) === get(b, a - 1) && get(b, a) === get(b - 1, a - 1))
          cost += 3;
      }
    }
  }
  return cost + Math.floor(Math.abs(sum * 20 - size * size * 10) / (size * size)) * 10;
}

/** The dark modules as the path of an SVG. @param {number[][]} rows */
export const path = (rows) =>
  rows.flatMap((row, y) => row.map((value, x) => (value ? `M${x} ${y}h1v1h-1z` : ''))).join('');
