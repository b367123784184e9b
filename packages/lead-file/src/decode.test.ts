import assert from "node:assert/strict";
import { test } from "node:test";

import { decode } from "./decode.ts";
import { accepted, bytesOf, refused } from "./testing.ts";

const CSV = "first_name,last_name,dob\r\nJosé,O’Brien,15/03/1990\r\n";

function utf16(text: string, { bigEndian, mark }: { bigEndian: boolean; mark: boolean }) {
  const marked = mark ? `\ufeff${text}` : text;
  const bytes = new Uint8Array(marked.length * 2);
  const view = new DataView(bytes.buffer);
  for (let index = 0; index < marked.length; index += 1) {
    view.setUint16(index * 2, marked.charCodeAt(index), !bigEndian);
  }
  return bytes;
}

const readable: readonly [name: string, bytes: Uint8Array, encoding: string][] = [
  ["UTF-8", bytesOf(CSV), "utf-8"],
  ["UTF-8 with a byte order mark", bytesOf(`\ufeff${CSV}`), "utf-8"],
  ["UTF-16LE with a mark", utf16(CSV, { bigEndian: false, mark: true }), "utf-16le"],
  ["UTF-16BE with a mark", utf16(CSV, { bigEndian: true, mark: true }), "utf-16be"],
  ["UTF-16LE without a mark", utf16(CSV, { bigEndian: false, mark: false }), "utf-16le"],
  ["UTF-16BE without a mark", utf16(CSV, { bigEndian: true, mark: false }), "utf-16be"],
];

for (const [name, bytes, encoding] of readable) {
  test(`${name} is read without a mark in the text and without a warning`, () => {
    assert.deepEqual(decode(bytes), { kind: "text", text: CSV, encoding, isAssumed: false });
    const file = accepted(bytes);
    assert.equal(file.dialect.encoding, encoding);
    assert.deepEqual(file.columns, ["first_name", "last_name", "dob"]);
    assert.deepEqual(file.rows[0]?.cells, ["José", "O’Brien", "15/03/1990"]);
    assert.deepEqual(file.warnings, []);
  });
}

// Byte 92 is Excel's apostrophe: TextDecoder of several Node releases makes a control character of it.
test("Windows-1252 is assumed for other bytes, with its apostrophe and a warning", () => {
  const row = [0x4f, 0x92, 0x42, 0x72, 0x69, 0x65, 0x6e, 0x2c, 0x5a, 0x6f, 0xeb, 0x80];
  const bytes = new Uint8Array([
    ...bytesOf("last_name,first_name,dob\r\n"),
    ...row,
    ...bytesOf(",15/03/1990"),
  ]);
  const file = accepted(bytes);
  assert.equal(file.dialect.encoding, "windows-1252");
  assert.deepEqual(file.rows[0]?.cells, ["O’Brien", "Zoë€", "15/03/1990"]);
  assert.deepEqual(
    file.warnings.map(({ code }) => code),
    ["FILE_ENCODING_ASSUMED"],
  );
});

for (const byte of [0x81, 0x8d, 0x8f, 0x90, 0x9d]) {
  test(`byte ${byte.toString(16)}, which no encoding of the ladder has, refuses the file by its line`, () => {
    const lines = bytesOf("first_name,last_name,dob\r\nAnn,Lee,15/03/1990\rB");
    const problem = refused(new Uint8Array([...lines, byte, ...bytesOf(",Lee,15/03/1990\n")]));
    assert.equal(problem.code, "FILE_ENCODING_UNKNOWN");
    assert.equal(problem.httpStatus, 422);
    assert.match(problem.message, /^Line 3 /);
  });
}

test("a byte order mark is binding: damaged UTF-8 behind it is refused, never read otherwise", () => {
  const damaged = new Uint8Array([...bytesOf("\ufefffirst_name,last_name,dob\nJos"), 0xe9, 0x2c]);
  const problem = refused(damaged);
  assert.equal(problem.code, "FILE_ENCODING_UNKNOWN");
  assert.match(problem.message, /^Line 2 /);
});

test("half a UTF-16 unit is refused instead of becoming U+FFFD", () => {
  const bytes = utf16(CSV, { bigEndian: false, mark: true });
  assert.equal(refused(bytes.subarray(0, bytes.length - 1)).code, "FILE_ENCODING_UNKNOWN");
});

test("bytes with NULs throughout are no text", () => {
  const utf32 = new Uint8Array([...bytesOf(CSV)].flatMap((byte) => [byte, 0, 0, 0]));
  const random = new Uint8Array(600).map((_, index) => (index * 89) % 256);
  for (const bytes of [new Uint8Array(64), new Uint8Array([0xff, 0xfe, 0, 0, ...utf32]), random]) {
    const problem = refused(bytes);
    assert.equal(problem.code, "FILE_BINARY");
    assert.equal(problem.httpStatus, 415);
  }
});

test("one NUL costs its own row, not the file", () => {
  const file = accepted("first_name,last_name,dob\nJo\0hn,Smith,15/03/1990\nAnn,Lee,15/03/1990\n");
  assert.equal(file.dialect.encoding, "utf-8");
  assert.deepEqual(
    file.rows.map(({ problem }) => problem?.code),
    ["ROW_CONTROL_CHAR", undefined],
  );
});

test("escape sequences are text that a row should not hold, not the sign of another kind of file", () => {
  const file = accepted(`first_name,last_name,dob\n${"\u001b".repeat(20)}Ann,Lee,15/03/1990\n`);
  assert.deepEqual(
    file.rows.map(({ problem }) => problem?.code),
    ["ROW_CONTROL_CHAR"],
  );
});
