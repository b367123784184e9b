import assert from "node:assert/strict";
import { test } from "node:test";

import { readExternalAnswer } from "./external-answer.ts";

type Row = Record<string, unknown>;
const heard = (results: readonly Row[], asked = [1]) => {
  const answer = readExternalAnswer({ results }, asked, "ACME");
  return [...(answer ?? [])].map(([row, findings]) => [
    row,
    findings.map(({ severity, code, field }) => `${severity} ${code} ${field}`),
  ]);
};
const unknown = ["info EXT_ACME_UNKNOWN row"];

test("valid, invalid and unknown are three things", () => {
  const results = [
    { row: 1, status: "valid" },
    {
      row: 2,
      status: "invalid",
      findings: [{ code: "NO_MATCH", field: "dob", severity: "error" }],
    },
    { row: 3, status: "unknown" },
  ];
  assert.deepEqual(heard(results, [1, 2, 3]), [
    [1, []],
    [2, ["error EXT_ACME_NO_MATCH dob"]],
    [3, unknown],
  ]);
});

test("a row that is missing is unknown, one that nobody asked about is ignored", () => {
  assert.deepEqual(heard([{ row: 7, status: "invalid" }]), [[1, unknown]]);
});

test("invalid without an error gets one; an error of a valid lead is a warning", () => {
  assert.deepEqual(heard([{ row: 1, status: "invalid", findings: [{ code: "ODD" }] }]), [
    [1, ["error EXT_ACME_INVALID row", "warning EXT_ACME_ODD row"]],
  ]);
  const findings = [{ code: "ODD", severity: "error" }];
  assert.deepEqual(heard([{ row: 1, status: "valid", findings }]), [
    [1, ["warning EXT_ACME_ODD row"]],
  ]);
});

test("codes are forced under the provider's name, and what it writes is bounded", () => {
  const findings = [
    { code: "DOB_FUTURE", field: "lead_uuid", severity: "info" },
    { code: "ext-acme-no match!", severity: "info", message: `a\u0000b\n${"x".repeat(500)}` },
    ...Array.from({ length: 20 }, () => ({ code: "y".repeat(99) })),
  ];
  const answer = readExternalAnswer(
    { results: [{ row: 1, status: "valid", findings }] },
    [1],
    "ACME",
  );
  const read = answer?.get(1) ?? [];
  assert.equal(read.length, 10);
  assert.deepEqual([read[0]?.code, read[0]?.field], ["EXT_ACME_DOB_FUTURE", "row"]);
  assert.equal(read[1]?.code, "EXT_ACME_NO_MATCH_");
  assert.equal(read[1]?.message.length, 200);
  assert.ok(read[1]?.message.startsWith("a b x"));
  assert.equal(read[2]?.code, `EXT_ACME_${"Y".repeat(40)}`);
});

for (const answer of [
  null,
  "valid",
  {},
  { results: "none" },
  { results: [{ row: 1, status: "maybe" }] },
  { results: [{ row: "1", status: "valid" }] },
]) {
  test(`${JSON.stringify(answer)} is no answer`, () => {
    assert.equal(readExternalAnswer(answer, [1], "ACME"), undefined);
  });
}
