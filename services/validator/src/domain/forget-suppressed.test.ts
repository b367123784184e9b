import assert from "node:assert/strict";
import { test } from "node:test";

import { forgetSuppressed } from "./forget-suppressed.ts";

const digits = {
  code: "NAME_DIGITS",
  field: "first_name",
  severity: "warning",
  message: "Zelka 7",
} as const;
const refusal = {
  code: "SUPPRESSED_ERASED",
  field: "row",
  severity: "error",
  message: "This person asked to be erased",
} as const;
const verdict = {
  status: "invalid",
  leadId: "zelka.vlorena.15031990",
  slugVersion: 1,
  firstName: "Zelka",
  lastName: "Vlorena",
  dob: "15/03/1990",
  dobDate: "1990-03-15",
  errors: [digits, refusal],
  warnings: [digits],
} as const;

test("of who is refused as erased the refusal stays, and nothing of who it was", () => {
  const forgotten = forgetSuppressed(verdict);
  assert.deepEqual(forgotten.errors, [refusal]);
  assert.deepEqual([forgotten.status, forgotten.isErased], ["invalid", true]);
  assert.doesNotMatch(JSON.stringify(forgotten), /zelka|vlorena|1990/i);
});

test("every other verdict stays as it is", () => {
  const other = { ...verdict, errors: [digits] };
  assert.deepEqual(forgetSuppressed(other), { ...other, isErased: false });
});
