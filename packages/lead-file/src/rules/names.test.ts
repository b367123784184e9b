import assert from "node:assert/strict";
import { test } from "node:test";

import { summaryOf, verdictOn } from "../testing.ts";

const DOB = "15/03/1990";
const findingsOn = (firstName: string) => summaryOf(verdictOn(firstName, "Smith", DOB));
const codesOn = (firstName: string) =>
  findingsOn(firstName).map((finding) => finding.split(" ", 2).join(" "));

const clean = [
  "John",
  "Anne-Marie",
  "O'Neil",
  "O’Brien",
  "Oʼahu",
  "O‘ktam",
  "Kaʻiulani",
  "D`Arcy",
  "N´Golo",
  "St. John",
  "José",
  "Łukasz",
  "Þór",
  "Ægir",
  "Zoë",
  "Nguyễn",
  "王",
  "小明",
  "김",
  "ひろし",
  "ジョン・ポール",
  "محمد",
  "علی‌رضا",
  "ශ්‍රී",
  "प्रिया",
  "שרה",
  "ג׳ורג׳",
  "צה״ל",
  "Δημήτρης",
  "Наталья",
  "გიორგი",
  "Արամ",
  "ተስፋዬ",
  "ཚེ་རིང",
  "Gal·la",
  "Smith-Jones (Smith)",
  "a/k Raju",
  "Null",
  "Test",
  "E",
  "Ng",
  "Na",
  "Björk-Ólafs",
  "María José",
  "Ludwig van",
  "X Æ",
  "Xxavier",
];
for (const name of clean) {
  test(`${name} is a name, with nothing to say about it`, () =>
    assert.deepEqual(findingsOn(name), []));
}

const faulty: readonly [name: string, codes: string[]][] = [
  ["ab".repeat(101), ["E NAME_TOO_LONG"]],
  ["John;", ["E NAME_CHARSET"]],
  ["James_Michael", ["E NAME_CHARSET"]],
  ["J😀hn", ["E NAME_CHARSET"]],
  ["John+3", ["E NAME_CHARSET", "W NAME_DIGITS"]],
  ["(.)", ["E NAME_NO_LETTERS"]],
  ["1234", ["E NAME_NO_LETTERS", "W NAME_DIGITS"]],
  ["Dieudonn\ufffd", ["E NAME_REPLACEMENT_CHAR"]],
  ["JosÃ©", ["E NAME_CHARSET", "W NAME_MOJIBAKE"]],
  ["Ð°nna", ["E NAME_CHARSET", "W NAME_MOJIBAKE"]],
  ["Oâ€™Brien", ["E NAME_CHARSET", "W NAME_MOJIBAKE"]],
  ["Jo\u200bhn", ["W NAME_INVISIBLE_REMOVED"]],
  ["\ufeffJohn", ["W NAME_INVISIBLE_REMOVED"]],
  ["\u202eJohn", ["W NAME_INVISIBLE_REMOVED"]],
  ["Jo\u00adhn", ["W NAME_INVISIBLE_REMOVED"]],
  ["\u061cJohn", ["W NAME_INVISIBLE_REMOVED"]],
  ["\u115fJohn", ["W NAME_INVISIBLE_REMOVED"]],
  ["\u1160John", ["W NAME_INVISIBLE_REMOVED"]],
  ["\u180eJohn", ["W NAME_INVISIBLE_REMOVED"]],
  ["\u2060John", ["W NAME_INVISIBLE_REMOVED"]],
  ["\u206fJohn", ["W NAME_INVISIBLE_REMOVED"]],
  ["\u3164John", ["W NAME_INVISIBLE_REMOVED"]],
  ["\uffa0John", ["W NAME_INVISIBLE_REMOVED"]],
  ["Jo\u200chn", ["W NAME_INVISIBLE_REMOVED"]],
  ["=John", ["E NAME_FORMULA"]],
  ["+John", ["E NAME_FORMULA"]],
  ["-John", ["E NAME_FORMULA"]],
  ["@John", ["E NAME_FORMULA"]],
  ["＝John", ["E NAME_FORMULA"]],
  ["＋John", ["E NAME_FORMULA"]],
  ["－John", ["E NAME_FORMULA"]],
  ["＠John", ["E NAME_FORMULA"]],
  [" =John", ["E NAME_FORMULA"]],
  ["'=John", ["E NAME_FORMULA"]],
  ["=1+1", ["E NAME_FORMULA", "E NAME_CHARSET", "E NAME_NO_LETTERS", "W NAME_DIGITS"]],
  ["<b>John", ["E NAME_MARKUP_OR_URL"]],
  ["ann@example.org", ["E NAME_MARKUP_OR_URL"]],
  ["https://example.org", ["E NAME_MARKUP_OR_URL"]],
  ["www.example", ["E NAME_MARKUP_OR_URL"]],
  ["example.com", ["E NAME_MARKUP_OR_URL"]],
  ["example.org", ["E NAME_MARKUP_OR_URL"]],
  ["example.net", ["E NAME_MARKUP_OR_URL"]],
  ["example.info", ["E NAME_MARKUP_OR_URL"]],
  ["example.co.uk", ["E NAME_MARKUP_OR_URL"]],
  ["javascript:alert", ["E NAME_MARKUP_OR_URL"]],
  ["John&#xAB;", ["E NAME_MARKUP_OR_URL"]],
  ["${name}", ["E NAME_MARKUP_OR_URL"]],
  ["John&nbsp;", ["E NAME_MARKUP_OR_URL"]],
  ["{{name}}", ["E NAME_MARKUP_OR_URL"]],
  ["John 3", ["W NAME_DIGITS"]],
  ["John Ⅲ", ["W NAME_DIGITS"]],
  ["Mr John", ["W NAME_TITLE"]],
  ["Dr. John", ["W NAME_TITLE"]],
  ["MRS", ["W NAME_TITLE"]],
  ["Miss Ann", ["W NAME_TITLE"]],
  ["Mx Ann", ["W NAME_TITLE"]],
  ["Mister John", ["W NAME_TITLE"]],
  ["Doctor Ann", ["W NAME_TITLE"]],
  ["Prof. Ann", ["W NAME_TITLE"]],
  ["Professor Ann", ["W NAME_TITLE"]],
  ["Rev John", ["W NAME_TITLE"]],
  ["Reverend John", ["W NAME_TITLE"]],
  ["Sir John", ["W NAME_TITLE"]],
  ["Jоhn", ["W NAME_MIXED_SCRIPT"]], // the о is Cyrillic
  ["Νick", ["W NAME_MIXED_SCRIPT"]], // the Ν is Greek
];
for (const [name, codes] of faulty) {
  test(`${JSON.stringify(name.slice(0, 30))} gives ${codes.join(", ")}`, () => {
    assert.deepEqual(codesOn(name), codes);
  });
}

test("an invisible control character that reached a cell is not stored", () => {
  assert.equal(verdictOn("Jo\u0007hn\0", "Smith", DOB).firstName, "John");
});

test("a missing name is an error of its field and all that is said of it", () => {
  assert.deepEqual(summaryOf(verdictOn("", " \u200b", DOB)), [
    "E FIRST_NAME_MISSING first_name",
    "E LAST_NAME_MISSING last_name",
  ]);
});

test("one name is enough where the profile says so", () => {
  const verdict = verdictOn("Suharto", "", DOB, { allowMononym: true });
  assert.equal(verdict.status, "valid");
  assert.deepEqual(summaryOf(verdict), ["W LAST_NAME_MISSING last_name"]);
  assert.equal(verdictOn("", "Suharto", DOB, { allowMononym: true }).status, "invalid");
});

test("200 code points are a name, counted as people count and not in UTF-16", () => {
  assert.deepEqual(codesOn("𠜎".repeat(200)), ["W NAME_REPEATED_CHAR"]);
  assert.equal(verdictOn("𠜎".repeat(201), "Smith", DOB).firstName, "𠜎".repeat(200));
});

test("messages name the field and the characters, each once and five at most", () => {
  const { errors } = verdictOn("J;;hn", "S!m_i#t%h^~", DOB);
  assert.deepEqual(
    errors.map(({ message }) => message),
    [
      "First name has characters not used in names: ;",
      "Last name has characters not used in names: ! _ # % ^",
    ],
  );
});

test("a name is stored as typed after NFC, trimming and collapsing of white space", () => {
  const verdict = verdictOn("  Jose\u0301\u00a0\u2003 mARÍA ", "'t Hooft", DOB);
  assert.equal(verdict.firstName, "José mARÍA");
  assert.equal(verdict.lastName, "'t Hooft");
  assert.equal(verdict.status, "valid");
  assert.equal(verdictOn("Jose\u200b\u0301", "Smith", DOB).firstName, "José");
});
