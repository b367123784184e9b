import assert from "node:assert/strict";
import { test } from "node:test";

import { judgeRow } from "./judge-row.ts";
import { LEAD_ID_PATTERN } from "./lead-id.ts";
import { readLeadFile } from "./read-lead-file.ts";
import { createResultsWriter } from "./results-writer.ts";
import { accepted, bytesOf, contextWith } from "./testing.ts";

/** Numbers in [0, 1) that are the same in every run (mulberry32). */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function pickFrom<Item>(items: readonly Item[], share: number): Item {
  const item = items[Math.floor(share * items.length)];
  assert.ok(item !== undefined);
  return item;
}

const NAMES = [
  "John",
  "Siobhán",
  "O'Neil",
  "St. John",
  "王小明",
  "",
  "n/a",
  "=1+1",
  "x\u0007",
  "Łukasz",
  "null",
];
const DATES = ["15/03/1990", "1/1/2001", "31/02/1990", "1990-03-15", "32947", "", "soon"];
const FAULTS: readonly ((row: string) => string)[] = [
  (row) => `"${row}`,
  (row) => `${row.slice(0, 3)}"${row.slice(3)}`,
  (row) => `"a"b${row}`,
  (row) => `${row},extra,cells`,
  () => "lonely",
  () => "first_name,last_name,dob",
  (row) => `x${row.replace(",", "\0,")}`,
  (row) => `${"y".repeat(17_000)}${row}`,
];

// Goal: every data row is accounted for once, in order, whatever stands beside it.
// Method: rows carry their number in an ignored column; a third of them is damaged at random.
test("rows in are rows out, in order, through 150 polluted files and their results", () => {
  for (let seed = 1; seed <= 150; seed += 1) {
    const random = createRandom(seed);
    const pick = <Item>(items: readonly Item[]): Item => pickFrom(items, random());
    const newline = pick(["\n", "\r\n", "\r"]);
    const lines: string[] = ["first_name,last_name,dob"];
    const expected: { line: number; isDamaged: boolean; row: string }[] = [];
    for (let count = 0; count < 40; count += 1) {
      if (random() < 0.1) lines.push(pick(["", ",,", "   ", '"",,']));
      const row = `${pick(NAMES)},${pick(NAMES)},${pick(DATES)}`;
      if (row === ",,") continue;
      const isDamaged = random() < 0.3;
      lines.push(isDamaged ? pick(FAULTS)(row) : row);
      expected.push({ line: lines.length, isDamaged, row });
    }
    const file = accepted(lines.join(newline) + pick(["", newline]));
    assert.deepEqual(
      file.rows.map(({ lineNumber }) => lineNumber),
      expected.map(({ line }) => line),
      `seed ${seed}`,
    );
    const entries = file.rows.map((row) => ({
      row,
      verdict: judgeRow(row, file.dialect, contextWith()),
    }));
    for (const [index, { row, verdict }] of entries.entries()) {
      assert.equal(row.rowNumber, index + 1);
      assert.match(verdict.leadId, LEAD_ID_PATTERN);
      const isSkipped =
        expected[index]?.isDamaged === true || expected[index]?.row.includes("\u0007") === true;
      assert.equal(verdict.status === "skipped", isSkipped, `seed ${seed} row ${index + 1}`);
    }
    const writer = createResultsWriter(file);
    assert.equal(accepted(writer.header() + writer.rows(entries)).rows.length, expected.length);
  }
});

test("no sequence of bytes makes the reader throw, and an answer is always the same", () => {
  const alphabet = [
    ...bytesOf('first_name,last_name,dob\r\n";|\t= \0\u00e9'),
    0xff,
    0xfe,
    0x81,
    0xc3,
  ];
  const random = createRandom(7);
  for (let round = 0; round < 2_000; round += 1) {
    const prefix = round % 2 === 0 ? bytesOf("first_name,last_name,dob\n") : new Uint8Array();
    const noise = Array.from(
      { length: Math.floor(random() * 80) },
      () => alphabet[Math.floor(random() * alphabet.length)] ?? 0,
    );
    const bytes = new Uint8Array([...prefix, ...noise]);
    const reading = readLeadFile(bytes, { maxRows: 5 });
    assert.deepEqual(readLeadFile(bytes, { maxRows: 5 }), reading);
    if (reading.kind === "refused") continue;
    for (const row of reading.file.rows) {
      assert.match(judgeRow(row, reading.file.dialect, contextWith()).leadId, LEAD_ID_PATTERN);
    }
  }
});
