import assert from "node:assert/strict";
import { test } from "node:test";

import {
  defaultRuleProfile,
  type FileRow,
  readLeadFile,
  type RuleProfile,
} from "@valify/lead-file";

import { createChunkJudge } from "./chunk-judge.ts";

const csv = `first_name,last_name,dob
Zelka,Vlorena,15/03/1990
Zelki,Vlorena,31/02/1990
Zelka
Zelka,Vlorena,15/03/1990
Zelke,Vlorena,23/11/2008
`;

function judgeOf({ nowMs }: { nowMs: () => number }, rules: Partial<RuleProfile> = {}) {
  const reading = readLeadFile(Buffer.from(csv), { maxRows: 10 });
  assert.equal(reading.kind, "accepted");
  const { file } = reading;
  const judge = createChunkJudge({
    batch: {
      asOf: { year: 2026, month: 11, day: 22 },
      webhookDelayMs: 1_500,
      ruleProfile: { ...defaultRuleProfile, ...rules },
    },
    dialect: file.dialect,
    leadUuidOf: (rowNumber) => `lead-${rowNumber}`,
    nowMs,
  });
  return {
    file,
    judge: (rows: readonly FileRow[]) => judge.seal(judge.judge(rows)),
    remember: judge.remember,
  };
}

test("gives every row of a chunk its verdict, one instant and its own uuid", () => {
  const { file, judge } = judgeOf({ nowMs: () => Date.UTC(2026, 10, 22, 10, 0, 0, 7) });
  const leads = judge(file.rows);
  assert.deepEqual(
    leads.map(({ rowNumber, leadUuid, status }) => [rowNumber, leadUuid, status]),
    [
      [1, "lead-1", "valid"],
      [2, "lead-2", "invalid"],
      [3, "lead-3", "skipped"],
      [4, "lead-4", "invalid"],
      [5, "lead-5", "invalid"],
    ],
  );
  assert.equal(leads[0]?.validatedAt, "2026-11-22T10:00:00.007Z");
  assert.equal(leads[4]?.webhookScheduledFor, "2026-11-22T10:00:01.507Z");
});

test("judges ages by the batch's date, not by today's", () => {
  const { file, judge } = judgeOf({ nowMs: () => Date.UTC(2030, 0, 1) });
  const last = judge(file.rows).at(-1);
  assert.deepEqual(
    last?.errors.map(({ code }) => code),
    ["DOB_UNDER_MIN_AGE"],
  );
});

test("finds the repetition of a row that an earlier run judged", () => {
  const { file, judge } = judgeOf({ nowMs: () => 0 });
  const { judge: successor, remember } = judgeOf({ nowMs: () => 0 });
  remember(judge(file.rows.slice(0, 3)));
  const [repeated] = successor(file.rows.slice(3, 4));
  assert.deepEqual(
    repeated?.errors.map(({ code }) => code),
    ["DUP_IN_FILE"],
  );
});

test("judges by the rules that the batch carries", () => {
  const rules = { minAge: 0, levels: { DUP_IN_FILE: "warning", DOB_NOT_REAL: "info" } } as const;
  const { file, judge } = judgeOf({ nowMs: () => 0 }, rules);
  assert.deepEqual(
    judge(file.rows).map(({ status }) => status),
    ["valid", "valid", "skipped", "valid", "valid"],
  );
});
