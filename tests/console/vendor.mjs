// Compares what is vendored with the registry byte for byte, by `server/console/vendor/lock.json`.
//
//     node tests/console/vendor.mjs            compares; downloads each package with npm pack
//     node tests/console/vendor.mjs --write    writes the hashes of the files that are there into the lock
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../../server/console/vendor/', import.meta.url));
const path = join(folder, 'lock.json');
const lock = JSON.parse(readFileSync(path, 'utf8'));
const sha = (bytes, kind, form) => createHash(kind).update(bytes).digest(form);
const wrong = [];

const there = readdirSync(folder, { recursive: true })
  .map(String)
  .filter((name) => name !== 'lock.json' && statSync(join(folder, name)).isFile());
const locked = new Set(lock.packages.flatMap((one) => Object.keys(one.files)));
for (const name of there) if (!locked.has(name)) wrong.push(`${name}: is in no package of lock.json`);

for (const one of lock.packages) {
  const work = mkdtempSync(join(tmpdir(), 'vendor-'));
  const [packed] = JSON.parse(
    execFileSync('npm', ['pack', '--json', `${one.name}@${one.version}`], {
      cwd: work,
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  );
  const archive = join(work, packed.filename.replace('@', '').replace('/', '-'));
  const integrity = `sha512-${sha(readFileSync(archive), 'sha512', 'base64')}`;
  if (integrity !== one.integrity) wrong.push(`${one.name}: integrity is ${integrity}`);
  execFileSync('tar', ['xzf', archive, '-C', work]);
  const { license } = JSON.parse(readFileSync(join(work, 'package/package.json'), 'utf8'));
  if (license !== one.licence) wrong.push(`${one.name}: its licence is ${license}`);
  for (const [name, file] of Object.entries(one.files)) {
    const own = readFileSync(join(folder, name));
    if (process.argv.includes('--write')) file.sha256 = sha(own, 'sha256', 'hex');
    if (sha(own, 'sha256', 'hex') !== file.sha256) wrong.push(`${name}: is not what lock.json has`);
    if (!own.equals(readFileSync(join(work, 'package', file.from))))
      wrong.push(`${name}: differs from ${file.from} of ${one.name} ${one.version}`);
  }
  rmSync(work, { recursive: true });
}
if (process.argv.includes('--write')) writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
for (const line of wrong) console.error(line);
console.log(`${there.length} vendored files of ${lock.packages.length} packages, ${wrong.length} wrong`);
process.exit(wrong.length ? 1 : 0);
