// The languages of the desk say the same things, and have a sentence for everything the server can refuse.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const root = new URL('../../', import.meta.url);
const LANGUAGES = ['en', 'zh-TW', 'zh-CN'];
const locales = new Map();
for (const tag of LANGUAGES) {
  locales.set(tag, (await import(new URL(`server/console/locale/${tag}.js`, root).href)).default);
}

const source = (path) => readFileSync(new URL(path, root), 'utf8');
/** The problem codes, as the server's source lists them: `Name = "word", STATUS, "Sentence.";`. */
const codes = [...source('server/src/http/code.rs').matchAll(/^ +\w+ = "(\w+)", \w+, "/gm)].map(([, word]) => word);
/** The words for requirements that are not met. */
const requirements = [...source('sync-core/src/technician/eligibility.rs').matchAll(/Self::\w+(?:\(_\))? => "(\w+)"/g)]
  .map(([, word]) => word)
  // Who is deactivated is on no list of candidates.
  .filter((word) => word !== 'inactive');

/** The words for what the ranking does not know. */
const unknown = [
  ...source('server/dispatch/src/candidates/reasons.rs').matchAll(/Self::\w+ => "(\w+)"/g),
  // What was not read of somebody.
  ...source('server/src/api/roster/person.rs').matchAll(/then_some\("(\w+)"\)/g),
].map(([, word]) => word);

/** Every key of a locale, with what it is, as `screen.word: string`. */
function keys(value, path = '') {
  if (typeof value !== 'object') return [`${path}: ${typeof value}`];
  return Object.entries(value).flatMap(([key, one]) => keys(one, path ? `${path}.${key}` : key));
}
/** Every text of a locale, functions aside. */
function texts(value, path = '') {
  if (typeof value === 'string') return [[path, value]];
  if (typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([key, one]) => texts(one, path ? `${path}.${key}` : key));
}

test('the lists of the server are found in its source', () => {
  assert.ok(codes.length > 40 && codes.includes('internal'), codes.join());
  assert.ok(requirements.length >= 5 && requirements.includes('skill_out_of_date'), requirements.join());
  assert.ok(unknown.length >= 8 && unknown.includes('last_heard'), unknown.join());
});

for (const tag of LANGUAGES) {
  const locale = locales.get(tag);

  test(`${tag} has a sentence for every problem code and for no other`, () => {
    // A request without an answer is the desk's own problem.
    const wanted = [...codes, 'unanswered'].sort();
    assert.deepEqual(Object.keys(locale.problems).sort(), wanted);
    const end = tag === 'en' ? '.' : '。';
    for (const [code, sentence] of Object.entries(locale.problems))
      assert.ok(sentence.endsWith(end), `${code}: ${sentence}`);
  });

  test(`${tag} has words for every requirement that is not met`, () => {
    const said = Object.keys(locale.candidates.against);
    assert.deepEqual(
      requirements.filter((word) => !said.includes(word)),
      [],
    );
  });

  test(`${tag} has words for everything that the ranking may not know, and for nothing else`, () => {
    assert.deepEqual(Object.keys(locale.candidates.unknown).sort(), [...unknown].sort());
  });

  test(`${tag} has the keys of English`, () => {
    assert.deepEqual(keys(locale).sort(), keys(locales.get('en')).sort());
  });

  test(`${tag} has no empty text`, () => {
    assert.deepEqual(
      texts(locale).filter(([, text]) => text.trim() === ''),
      [],
    );
  });
}

test('Taiwan and the mainland are each addressed in their own words', () => {
  const said = (tag) => texts(locales.get(tag)).map(([path, text]) => `${path}: ${text}`);
  const foreign = {
    'zh-TW': /手机|技师|拖车|服务器|账号|登录失败|门店|手機/,
    'zh-CN': /行動電話|行动电话|技師|拖吊|伺服器|帳號|據點/,
  };
  for (const [tag, words] of Object.entries(foreign))
    assert.deepEqual(
      said(tag).filter((line) => words.test(line)),
      [],
    );
});
