import assert from "node:assert/strict";
import { test } from "node:test";

import { summaryOf, verdictOn } from "../testing.ts";

const DOB = "15/03/1990";
const findingsOn = (firstName: string, lastName: string) =>
  summaryOf(verdictOn(firstName, lastName, DOB));

for (const value of [
  "n/a",
  "N/A",
  "#N/A",
  "#REF!",
  "#NAME?",
  "#VALUE!",
  "Unknown",
  "not known",
  "Not provided",
  "not applicable",
  "no name",
  "unspecified",
  "undefined",
  "Anonymous",
  "TBD",
  "TBA",
  "First_Name",
  "last_name",
  "First name",
  "last name",
  "firstname",
  "lastname",
  "Surname",
  "forename",
  "none",
  "TBC",
  "xxx",
  "XXXXX",
  "FNU",
  "LNU",
  "-",
  "--",
  ".",
  "?",
]) {
  test(`${value} is a placeholder, and nothing else is said of it`, () => {
    assert.deepEqual(findingsOn(value, "Smith"), ["E NAME_PLACEHOLDER first_name"]);
    assert.deepEqual(findingsOn("John", value), ["E NAME_PLACEHOLDER last_name"]);
  });
}

const pairs: readonly [first: string, last: string, findings: string[]][] = [
  ["Test", "User", ["E NAME_TEST_PERSON row"]],
  ["TEST", "test", ["E NAME_TEST_PERSON row", "W NAME_SAME_FIRST_LAST row"]],
  ["Test", "Tester", ["E NAME_TEST_PERSON row"]],
  ["Test", "Testing", ["E NAME_TEST_PERSON row"]],
  ["Test", "Person", ["E NAME_TEST_PERSON row"]],
  ["Test", "Lead", ["E NAME_TEST_PERSON row"]],
  ["Test", "Name", ["E NAME_TEST_PERSON row"]],
  ["foo", "bar", ["E NAME_TEST_PERSON row"]],
  ["Asdf", "Asdf", ["E NAME_TEST_PERSON row", "W NAME_SAME_FIRST_LAST row"]],
  [
    "qwerty",
    "qwerty",
    [
      "E NAME_TEST_PERSON row",
      "W NAME_KEYBOARD_RUN first_name",
      "W NAME_KEYBOARD_RUN last_name",
      "W NAME_SAME_FIRST_LAST row",
    ],
  ],
  ["John", "Doe", ["W NAME_TEST_PERSON row"]],
  ["Jane", "Doe", ["W NAME_TEST_PERSON row"]],
  ["Mickey", "Mouse", ["W NAME_FICTIONAL row"]],
  ["Ali", "ALI", ["W NAME_SAME_FIRST_LAST row"]],
  ["Test", "Smith", []],
  ["Mickey", "Smith", []],
  ["John", "Null", []],
];
for (const [first, last, findings] of pairs) {
  test(`${first} ${last} gives ${findings.join(", ") || "nothing"}`, () => {
    assert.deepEqual(findingsOn(first, last), findings);
  });
}

const junk: readonly [name: string, code: string][] = [
  ["Jaaaan", "NAME_REPEATED_CHAR"],
  ["AaAan", "NAME_REPEATED_CHAR"],
  ["Nnnnа", "NAME_REPEATED_CHAR"],
  ["Qwerty", "NAME_KEYBOARD_RUN"],
  ["poiuy", "NAME_KEYBOARD_RUN"],
  ["lkjhg", "NAME_KEYBOARD_RUN"],
  ["mnbvc", "NAME_KEYBOARD_RUN"],
  ["Ccjtd", "NAME_NO_VOWEL"],
  ["Łřšťž", "NAME_NO_VOWEL"],
];
for (const [name, code] of junk) {
  test(`${name} gives the warning ${code}`, () => {
    const verdict = verdictOn(name, "Smith", DOB);
    assert.equal(verdict.status, "valid");
    assert.ok(verdict.warnings.some((warning) => warning.code === code));
  });
}

// Each of these rules was left out, or drawn this wide, because a narrower one hit real people.
for (const name of [
  "Scunthorpe",
  "Schwartzkopf",
  "Aaani",
  "Llywelyn",
  "Glynth",
  "Hrvt",
  "Ng",
  "Krk",
  "Ømrç",
  "Werth",
  "Крст",
]) {
  test(`${name} passes the junk rules`, () => assert.deepEqual(findingsOn(name, "Smith"), []));
}
