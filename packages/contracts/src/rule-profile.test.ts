import assert from "node:assert/strict";
import { test } from "node:test";

import { batchUploaded } from "./batch-uploaded.ts";
import { Finding } from "./finding.ts";
import { RuleProfile } from "./rule-profile.ts";

// Golden, like those of contracts.test.ts: fields that came later, as they travel.
const uploaded = {
  batch_id: "batch_01j8x3v5k7m9n1p2q4r6s8t0vw",
  tenant_id: "6f1c2a34-0d5e-4b7a-9c81-2f3e4d5a6b7c",
  object_key: "uploads/2024/01/01j8x3v5k7m9n1p2q4r6s8t0vw.csv",
  byte_count: 48_211,
  total_leads: 1_000,
  as_of: "2024-01-15",
  webhook_delay_ms: 86_400_000,
  rule_profile: {
    levels: { DUP_PREVIOUS_BATCH: "error", NAME_TITLE: "off" },
    min_age: 21,
    max_age: 110,
    allow_mononym: true,
    name_length_max: 100,
    duplicate_window_days: 30,
    external_check: "hold",
  },
  uploaded_at: "2024-01-15T10:29:58.123Z",
} as const;
const finding = {
  code: "DOB_PLACEHOLDER",
  field: "dob",
  severity: "info",
  message: "Often used when the date is unknown",
} as const;

test("batch.uploaded carries the rules of the batch unchanged", () => {
  const { rule_profile: profile } = batchUploaded.schema.parse(uploaded);
  assert.deepEqual(
    Object.entries(uploaded.rule_profile).filter(([name, value]) => {
      const read: unknown = Object.entries(profile ?? {}).find(([key]) => key === name)?.[1];
      return JSON.stringify(read) !== JSON.stringify(value);
    }),
    [],
  );
});

test("a finding carries its severity, and one of before it had any still parses", () => {
  assert.deepEqual(Finding.parse(finding), finding);
  const { severity: _, ...old } = finding;
  assert.deepEqual(Finding.parse(old), old);
});

test("a profile of before a field was added has the field's default", () => {
  assert.deepEqual(RuleProfile.parse({ min_age: 21 }), {
    ...RuleProfile.parse({}),
    min_age: 21,
  });
});
