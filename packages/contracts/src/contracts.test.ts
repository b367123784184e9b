import assert from "node:assert/strict";
import { test } from "node:test";

import { batchCancelled } from "./batch-cancelled.ts";
import { batchCompleted } from "./batch-completed.ts";
import { batchFailed } from "./batch-failed.ts";
import { batchUploaded } from "./batch-uploaded.ts";
import type { EventContract } from "./define-event.ts";
import { endpointDisabled } from "./endpoint-disabled.ts";
import { erasureCleared } from "./erasure-cleared.ts";
import { erasureRequested } from "./erasure-requested.ts";
import { leadErased } from "./lead-erased.ts";
import { leadValidated } from "./lead-validated.ts";
import { webhookCancel } from "./webhook-cancel.ts";
import { webhookDelivered } from "./webhook-delivered.ts";
import { webhookDue } from "./webhook-due.ts";
import { webhookExhausted } from "./webhook-exhausted.ts";
import { WebhookPayload } from "./webhook-payload.ts";
import { webhookRetry } from "./webhook-retry.ts";
import { webhookTest } from "./webhook-test.ts";

// Goal: what another team reads today, it can read tomorrow.
// Method: one golden message per released event, written out as it travels. A golden is never
// edited; a new version of an event gets a second one.

interface Golden {
  readonly contract: EventContract;
  readonly address: readonly [stream: string, subject: string, version: number, type: string];
  readonly eventId: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

const tenantId = "6f1c2a34-0d5e-4b7a-9c81-2f3e4d5a6b7c";
const leadUuid = "0b5a1f62-3c4d-5e6f-8a9b-0c1d2e3f4a5b";
const deliveryId = "9d8c7b6a-5f4e-5d3c-8b2a-1f0e9d8c7b6a";
const endpointId = "3e2d1c0b-9a8f-4e7d-8c6b-5a4f3e2d1c0b";
const erasure = { erasure_id: "7c6b5a49-3827-5615-8403-f2e1d0cfbead", tenant_id: tenantId };
const batchId = "batch_01j8x3v5k7m9n1p2q4r6s8t0vw";
const ids = { delivery_id: deliveryId, lead_uuid: leadUuid, endpoint_id: endpointId };

const leadPayload = {
  id: "john.smith.15031990",
  first_name: "John",
  last_name: "Smith",
  dob: "15/03/1990",
  validation_status: "valid",
  validation_timestamp: "2024-01-15T10:30:00Z",
  batch_id: batchId,
  webhook_scheduled_for: "2024-01-16T10:30:00Z",
  lead_uuid: leadUuid,
  row: 1,
  errors: [],
  warnings: [{ code: "NAME_SHORT", field: "first_name", message: "unusually short" }],
};

const goldens: readonly Golden[] = [
  {
    contract: batchUploaded,
    address: ["BATCH", "batch.uploaded", 1, "com.valify.batch.uploaded.v1"],
    eventId: `batch.uploaded:${batchId}`,
    payload: {
      batch_id: batchId,
      tenant_id: tenantId,
      object_key: "uploads/2024/01/01j8x3v5k7m9n1p2q4r6s8t0vw.csv",
      byte_count: 48_211,
      total_leads: 1_000,
      as_of: "2024-01-15",
      webhook_delay_ms: 86_400_000,
      uploaded_at: "2024-01-15T10:29:58.123Z",
    },
  },
  {
    contract: batchCompleted,
    address: ["BATCH", "batch.completed", 1, "com.valify.batch.completed.v1"],
    eventId: `batch.completed:${batchId}`,
    payload: {
      batch_id: batchId,
      tenant_id: tenantId,
      total_leads: 10,
      valid_leads: 7,
      invalid_leads: 2,
      skipped_rows: 1,
      completed_at: "2024-01-15T10:30:02Z",
    },
  },
  {
    contract: batchFailed,
    address: ["BATCH", "batch.failed", 1, "com.valify.batch.failed.v1"],
    eventId: `batch.failed:${batchId}`,
    payload: {
      batch_id: batchId,
      tenant_id: tenantId,
      code: "FILE_GONE",
      message: "the uploaded file is no longer in the object store",
      failed_at: "2024-01-15T10:30:02Z",
    },
  },
  {
    contract: batchCancelled,
    address: ["BATCH", "batch.cancelled", 1, "com.valify.batch.cancelled.v1"],
    eventId: `batch.cancelled:${batchId}`,
    payload: { batch_id: batchId, tenant_id: tenantId, cancelled_at: "2024-01-15T10:31:00Z" },
  },
  {
    contract: erasureRequested,
    address: ["BATCH", "erasure.requested", 1, "com.valify.erasure.requested.v1"],
    eventId: `erasure.requested:${erasure.erasure_id}:1`,
    payload: {
      ...erasure,
      attempt: 1,
      requested_at: "2024-01-15T12:00:00.000Z",
      leads: [
        {
          lead_uuid: leadUuid,
          batch_id: batchId,
          webhook_scheduled_for: "2024-01-16T10:30:00.000Z",
        },
      ],
      tombstones: ["0f1e2d3c4b5a69788796a5b4c3d2e1f0"],
    },
  },
  {
    contract: erasureCleared,
    address: ["BATCH", "erasure.cleared", 1, "com.valify.erasure.cleared.v1"],
    eventId: `erasure.cleared:${erasure.erasure_id}:webhook-dispatcher:1`,
    payload: {
      ...erasure,
      attempt: 1,
      service: "webhook-dispatcher",
      cleared_at: "2024-01-15T12:00:01.000Z",
    },
  },
  {
    contract: leadErased,
    address: ["LEADS", "lead.erased", 1, "com.valify.lead.erased.v1"],
    eventId: `lead.erased:${leadUuid}`,
    payload: {
      lead_uuid: leadUuid,
      batch_id: batchId,
      ...erasure,
      erased_at: "2024-01-15T12:00:02.000Z",
    },
  },
  {
    contract: leadValidated,
    address: ["LEADS", "lead.validated", 1, "com.valify.lead.validated.v1"],
    eventId: `lead.validated:${leadUuid}:v1`,
    payload: { ...leadPayload, tenant_id: tenantId, validator_version: "0.1.0" },
  },
  {
    contract: webhookDue,
    address: ["WEBHOOKS", "webhook.due", 1, "com.valify.webhook.due.v1"],
    eventId: `${leadUuid}:0:webhook.due`,
    payload: {
      id: leadUuid,
      kind: 0,
      round: 0,
      tenant_id: tenantId,
      batch_id: batchId,
      due_at: "2024-01-16T10:30:00.000123Z",
      lane: 15,
    },
  },
  {
    contract: webhookTest,
    address: ["WEBHOOKS", "webhook.test", 1, "com.valify.webhook.test.v1"],
    eventId: `${deliveryId}:webhook.test`,
    payload: {
      delivery_id: deliveryId,
      endpoint_id: endpointId,
      tenant_id: tenantId,
      requested_at: "2024-01-16T10:30:00.000Z",
    },
  },
  {
    contract: webhookCancel,
    address: ["WEBHOOKS", "webhook.cancel", 1, "com.valify.webhook.cancel.v1"],
    eventId: `${deliveryId}:webhook.cancel:2024-01-16T10:30:00.000Z`,
    payload: {
      delivery_id: deliveryId,
      tenant_id: tenantId,
      requested_at: "2024-01-16T10:30:00.000Z",
    },
  },
  {
    contract: webhookRetry,
    address: ["WEBHOOKS", "webhook.retry", 1, "com.valify.webhook.retry.v1"],
    eventId: `${deliveryId}:3:webhook.retry`,
    payload: {
      id: deliveryId,
      kind: 1,
      round: 3,
      tenant_id: tenantId,
      batch_id: batchId,
      not_before: "2024-01-16T10:31:00Z",
    },
  },
  {
    contract: webhookDelivered,
    address: ["WEBHOOKS", "webhook.delivered", 1, "com.valify.webhook.delivered.v1"],
    eventId: `${deliveryId}:1:webhook.delivered`,
    payload: {
      ...ids,
      tenant_id: tenantId,
      batch_id: batchId,
      round: 1,
      attempts: 2,
      status_code: 204,
      delivered_at: "2024-01-16T10:31:00.250Z",
    },
  },
  {
    contract: webhookExhausted,
    address: ["WEBHOOKS", "webhook.exhausted", 1, "com.valify.webhook.exhausted.v1"],
    eventId: `${deliveryId}:4:webhook.exhausted`,
    payload: {
      ...ids,
      tenant_id: tenantId,
      batch_id: batchId,
      round: 4,
      attempts: 4,
      error_class: "http_5xx",
      exhausted_at: "2024-01-16T11:01:00Z",
    },
  },
  {
    contract: endpointDisabled,
    address: ["WEBHOOKS", "endpoint.disabled", 1, "com.valify.endpoint.disabled.v1"],
    eventId: `endpoint.disabled:${endpointId}:2024-01-16T10:31:00Z`,
    payload: {
      endpoint_id: endpointId,
      tenant_id: tenantId,
      reason: "http_410",
      disabled_at: "2024-01-16T10:31:00Z",
    },
  },
];

for (const { contract, address, eventId, payload } of goldens) {
  const { subject } = contract;

  test(`${subject}: travels under its agreed stream, subject, version and type`, () => {
    assert.deepEqual([contract.stream, subject, contract.version, contract.type], address);
  });

  test(`${subject}: the golden payload parses unchanged and gives the agreed id`, () => {
    const event = contract.schema.parse(JSON.parse(JSON.stringify(payload)));
    assert.deepEqual(event, payload);
    assert.equal(contract.eventId(event), eventId);
  });

  test(`${subject}: ignores a field it does not know`, () => {
    assert.deepEqual(contract.schema.parse({ ...payload, added_in_a_later_version: 1 }), payload);
  });

  test(`${subject}: refuses a payload in which any one field is missing`, () => {
    for (const name of Object.keys(payload)) {
      const rest = Object.fromEntries(Object.entries(payload).filter(([key]) => key !== name));
      assert.equal(contract.schema.safeParse(rest).success, false, `without ${name}`);
    }
  });
}

test("every event has a golden payload, and no two share a subject", () => {
  const subjects = goldens.map(({ contract }) => contract.subject).toSorted();
  assert.deepEqual(subjects, [
    "batch.cancelled",
    "batch.completed",
    "batch.failed",
    "batch.uploaded",
    "endpoint.disabled",
    "erasure.cleared",
    "erasure.requested",
    "lead.erased",
    "lead.validated",
    "webhook.cancel",
    "webhook.delivered",
    "webhook.due",
    "webhook.exhausted",
    "webhook.retry",
    "webhook.test",
  ]);
});

test("no message id, subject or type carries a name or a date of birth", () => {
  for (const { contract, payload } of goldens) {
    const visible = `${contract.eventId(contract.schema.parse(payload))} ${contract.type}`;
    assert.doesNotMatch(visible, /john|smith|1990/i);
  }
});

test("the webhook body keeps its eight fixed fields first, in their order", () => {
  const shuffled = Object.fromEntries(Object.entries(leadPayload).toReversed());
  const body = JSON.stringify(WebhookPayload.parse(shuffled));
  assert.deepEqual(Object.keys(JSON.parse(body)), [
    "id",
    "first_name",
    "last_name",
    "dob",
    "validation_status",
    "validation_timestamp",
    "batch_id",
    "webhook_scheduled_for",
    "lead_uuid",
    "row",
    "errors",
    "warnings",
  ]);
});

test("a webhook body says valid or invalid and nothing else", () => {
  for (const status of ["valid", "invalid"]) {
    const parsed = WebhookPayload.safeParse({ ...leadPayload, validation_status: status });
    assert.equal(parsed.success, true);
  }
  const skipped = WebhookPayload.safeParse({ ...leadPayload, validation_status: "skipped" });
  assert.equal(skipped.success, false);
});
