import assert from "node:assert/strict";
import { test } from "node:test";

import { parse } from "csv-parse/sync";
import { stringify } from "csv-stringify/sync";

import { createRecordReader, type TextRecord } from "./record-reader.ts";

function recordsOf(text: string, delimiter = ","): TextRecord[] {
  const reader = createRecordReader(text, { delimiter, start: { offset: 0, line: 1 } });
  const records: TextRecord[] = [];
  for (let record = reader.next(); record !== null; record = reader.next()) records.push(record);
  return records;
}

function cellsOf(text: string, delimiter = ","): (readonly string[])[] {
  return recordsOf(text, delimiter).map(({ cells }) => cells);
}

const good: readonly [text: string, cells: string[][]][] = [
  ["a,b,c", [["a", "b", "c"]]],
  ["a,b\n", [["a", "b"]]],
  [
    "a,,\n,b,",
    [
      ["a", "", ""],
      ["", "b", ""],
    ],
  ],
  ['"a","b,c"', [["a", "b,c"]]],
  ['"a ""b"" c",d', [['a "b" c', "d"]]],
  ['"""",x', [['"', "x"]]],
  ['"",x', [["", "x"]]],
  [' "a" , "b"\t,c ', [["a", "b", "c "]]],
  [
    '"a\nb",c\nd,e',
    [
      ["a\nb", "c"],
      ["d", "e"],
    ],
  ],
  [
    "a,b\r\nc,d\ne,f\rg,h",
    [
      ["a", "b"],
      ["c", "d"],
      ["e", "f"],
      ["g", "h"],
    ],
  ],
  [
    '"a","b"\r\n"c","d"\n"e","f"\r"g","h"',
    [
      ["a", "b"],
      ["c", "d"],
      ["e", "f"],
      ["g", "h"],
    ],
  ],
  ["__proto__,constructor", [["__proto__", "constructor"]]],
];

for (const [text, cells] of good) {
  test(`reads ${JSON.stringify(text)}`, () => assert.deepEqual(cellsOf(text), cells));
}

for (const line of ['"a,b', 'a"b,c', '"a"b,c', '"a""b,c', 'a,"b" c', 'a,b"']) {
  test(`the broken quote in ${JSON.stringify(line)} costs that line alone`, () => {
    const records = recordsOf(`x,y\n${line}\n"c","d"\ne,f\n`);
    assert.deepEqual(
      records.map(({ fault, firstLine }) => [fault, firstLine]),
      [
        [null, 1],
        ["quote", 2],
        [null, 3],
        [null, 4],
      ],
    );
    assert.deepEqual(records[2]?.cells, ["c", "d"]);
  });
}

test("an unclosed quote at the end of the file costs its own line", () => {
  const records = recordsOf('a,"b\nc,d');
  assert.deepEqual(
    records.map(({ fault, cells }) => [fault, cells]),
    [
      ["quote", ["a", '"b']],
      [null, ["c", "d"]],
    ],
  );
});

test("a record of 16 KiB is read and one character more is a length fault", () => {
  const line = `${"a".repeat(16_382)},b`;
  assert.deepEqual(
    recordsOf(`${line}\n${line}c\nd,e`).map(({ fault }) => fault),
    [null, "length", null],
  );
});

test("a quote that closes only beyond 16 KiB costs its first line", () => {
  const records = recordsOf(`a,"b\n${"c,d\n".repeat(5_000)}e"\n`);
  assert.equal(records[0]?.fault, "quote");
  assert.equal(records.length, 5_002);
});

test("lines of a record and blank records are counted", () => {
  const text = '\n \na,"b\r\nc\nd"\r\n,,\n"",""\n\u00a0,\ne,f\n\n';
  const reader = createRecordReader(text, { delimiter: ",", start: { offset: 0, line: 1 } });
  const [first, second] = [reader.next(), reader.next()];
  assert.deepEqual([first?.firstLine, first?.lastLine], [3, 5]);
  assert.deepEqual([second?.firstLine, second?.lastLine], [9, 9]);
  assert.equal(reader.next(), null);
  assert.equal(reader.blankCount(), 6);
});

// Goal: a table written by another program is read as written, and as another parser reads it.
// Method: csv-stringify writes tables of awkward cells in every dialect; csv-parse is the referee.
test("reads what csv-stringify writes, as csv-parse does", () => {
  const awkward = [
    "a",
    "",
    "b c",
    'd"e',
    "f,g",
    "h;i",
    "j\tk",
    "l|m",
    "n\no",
    "p\r\nq",
    "'r",
    '""',
    "ß王",
  ];
  for (const delimiter of [",", ";", "\t", "|"]) {
    for (const record_delimiter of ["\n", "\r\n", "\r"]) {
      for (const quoted of [true, false]) {
        const table = awkward.map((cell, index) => [cell, "x", awkward[(index * 5) % 13] ?? ""]);
        // Without this option csv-stringify leaves a lone line feed bare in a file of CRLF or CR.
        const options = { delimiter, record_delimiter, quoted, quoted_match: /[\r\n]/ };
        const text = stringify(table, options);
        assert.deepEqual(cellsOf(text, delimiter), table);
        assert.deepEqual(parse(text, { delimiter, record_delimiter }), table);
      }
    }
  }
});
