import assert from "node:assert/strict";
import { test } from "node:test";

import { WebhookPayload } from "@valify/contracts";

import { webhookBody } from "./webhook-body.ts";

test("the body has the contract's shape, its first eight keys in the receivers' order", () => {
  const body = webhookBody(
    {
      leadUuid: "018f3b1e-0000-7000-8000-00000000000a",
      batchId: "018f3b1e-0000-7000-8000-000000000001",
      tenantId: "5f0c6a52-6a7e-4a51-9a3e-0d7a1b2c3d4e",
      rowNumber: 7,
      leadId: "jose.test.15031990",
      firstName: "José",
      lastName: "Test",
      dob: "15/03/1990",
      status: "invalid",
      errors: [{ code: "DOB_FUTURE", field: "dob", message: "Date of birth is not in the past" }],
      warnings: [],
      validatedAt: "2024-01-15T10:30:00.123Z",
      webhookScheduledFor: "2024-01-16T10:30:00.123Z",
    },
    "batch_01hwxhw0000000000000000001",
  );
  const parsed: unknown = JSON.parse(body);
  assert.ok(typeof parsed === "object" && parsed !== null);
  assert.deepEqual(Object.keys(parsed).slice(0, 8), [
    "id",
    "first_name",
    "last_name",
    "dob",
    "validation_status",
    "validation_timestamp",
    "batch_id",
    "webhook_scheduled_for",
  ]);
  const payload = WebhookPayload.parse(parsed);
  assert.equal(payload.webhook_scheduled_for, "2024-01-16T10:30:00.123Z");
  assert.equal(payload.row, 7);
});
