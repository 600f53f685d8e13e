// Makes the outlines under the map of the console from world-atlas (ISC), which is Natural Earth (public domain):
// all countries coarsely, Taiwan and what lies around it finely.
//
//     node tests/console/outlines.mjs            compares; downloads the package with npm pack
//     node tests/console/outlines.mjs --write    writes server/console/map/outlines.json
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PACKAGE = 'world-atlas@2.0.2';
const INTEGRITY = 'sha512-IXfV0qwlKXpckz1FhwXVwKRjiIhOnWttOskm5CtxMsjgE/MXAYRHWJqgXOpM8IkcPBoXnyTU5lFHcYa5ChG0LQ==';
/** Countries that are drawn finely, by the number of ISO 3166: Taiwan. */
const FINE = new Set(['158']);
/** Not drawn: Antarctica, where nobody breaks down. */
const NONE = new Set(['010']);
const MOST_BYTES = 150 * 1024;
const path = fileURLToPath(new URL('../../server/console/map/outlines.json', import.meta.url));

const work = mkdtempSync(join(tmpdir(), 'outlines-'));
const [packed] = JSON.parse(
  execFileSync('npm', ['pack', '--json', PACKAGE], { cwd: work, stdio: ['ignore', 'pipe', 'ignore'] }),
);
const archive = readFileSync(join(work, packed.filename));
const integrity = `sha512-${createHash('sha512').update(archive).digest('base64')}`;
if (integrity !== INTEGRITY) {
  console.error(`${PACKAGE}: integrity is ${integrity}`);
  process.exit(1);
}
execFileSync('tar', ['xzf', packed.filename], { cwd: work });
const read = (name) => JSON.parse(readFileSync(join(work, 'package', name), 'utf8'));

/** The rings of a geometry of TopoJSON, in degrees with so many digits; points that fall together are one. */
function polygons(topology, geometry, digits) {
  const { scale, translate } = topology.transform;
  const arc = (index) => {
    let [x, y] = [0, 0];
    const points = topology.arcs[index < 0 ? ~index : index].map(([dx, dy]) => {
      [x, y] = [x + dx, y + dy];
      return [x * scale[0] + translate[0], y * scale[1] + translate[1]];
    });
    return index < 0 ? points.reverse() : points;
  };
  const ring = (arcs) => {
    const points = arcs.flatMap(arc).map((point) => point.map((value) => Number(value.toFixed(digits))));
    return points.filter((point, at) => at === 0 || String(point) !== String(points[at - 1]));
  };
  const all = geometry.type === 'Polygon' ? [geometry.arcs] : geometry.arcs;
  return all.map((rings) => rings.map(ring).filter((points) => points.length > 3)).filter((rings) => rings.length);
}

const collect = (topology, digits, wanted) =>
  topology.objects.countries.geometries
    .filter((one) => wanted(one.id))
    .map((one) => ({
      type: 'Feature',
      properties: {},
      geometry: { type: 'MultiPolygon', coordinates: polygons(topology, one, digits) },
    }));
const features = [
  ...collect(read('countries-110m.json'), 1, (id) => !FINE.has(id) && !NONE.has(id)),
  ...collect(read('countries-10m.json'), 3, (id) => FINE.has(id)),
];
rmSync(work, { recursive: true });
const text = `${JSON.stringify({ type: 'FeatureCollection', features })}\n`;
if (text.length > MOST_BYTES) {
  console.error(`the outlines have ${text.length} bytes, more than ${MOST_BYTES}`);
  process.exit(1);
}
if (process.argv.includes('--write')) writeFileSync(path, text);
else if (readFileSync(path, 'utf8') !== text) {
  console.error('server/console/map/outlines.json is not what this makes of the package; run with --write');
  process.exit(1);
}
console.log(`${features.length} outlines, ${text.length} bytes`);
