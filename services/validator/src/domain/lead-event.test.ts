import assert from "node:assert/strict";
import { test } from "node:test";

import { batchIdOfUuid, leadValidated } from "@valify/contracts";

import { leadEvents } from "./lead-event.ts";
import type { LeadRecord } from "./lead-record.ts";

const batch = {
  batchId: batchIdOfUuid("11111111-2222-4333-8444-555555555555"),
  tenantId: "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
};
const lead: LeadRecord = {
  leadUuid: "99999999-2222-5333-8444-555555555555",
  rowNumber: 4,
  lineNumber: 5,
  leadId: "zelka.vlorena.15031990",
  slugVersion: 1,
  firstName: "Zelka",
  lastName: "Vlorena",
  dob: "15/03/1990",
  dobDate: "1990-03-15",
  status: "valid",
  errors: [],
  warnings: [
    {
      code: "NAME_DIGITS",
      field: "first_name",
      severity: "warning",
      message: "First name has a number",
    },
  ],
  validatedAt: "2026-11-22T10:00:00.007Z",
  webhookScheduledFor: "2026-11-23T10:00:00.007Z",
  isErased: false,
};

test("carries the payload's fields in its order, then tenant and version", () => {
  const [event] = leadEvents([lead], batch, "valify-validator/1.2.3");
  assert.ok(event);
  assert.deepEqual(Object.entries(event), [
    ["id", "zelka.vlorena.15031990"],
    ["first_name", "Zelka"],
    ["last_name", "Vlorena"],
    ["dob", "15/03/1990"],
    ["validation_status", "valid"],
    ["validation_timestamp", "2026-11-22T10:00:00.007Z"],
    ["batch_id", batch.batchId],
    ["webhook_scheduled_for", "2026-11-23T10:00:00.007Z"],
    ["lead_uuid", lead.leadUuid],
    ["row", 4],
    ["errors", []],
    ["warnings", lead.warnings],
    ["tenant_id", batch.tenantId],
    ["validator_version", "valify-validator/1.2.3"],
  ]);
  assert.deepEqual(leadValidated.schema.parse(event), event);
});

test("announces invalid leads and leaves skipped rows out", () => {
  const leads = (["valid", "skipped", "invalid"] as const).map((status) =>
    Object.assign({}, lead, { status }),
  );
  const events = leadEvents(leads, batch, "v");
  assert.deepEqual(
    events.map((event) => event.validation_status),
    ["valid", "invalid"],
  );
});
