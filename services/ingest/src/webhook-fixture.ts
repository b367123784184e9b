import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

import { uuidOfBatchId } from "@valify/contracts";
import type { WebhookStatusPage } from "@valify/contracts/api";

import { DEFAULT_TENANT_ID } from "./bootstrap.ts";
import { AUTH, type TestApp } from "./test-support.ts";

interface Delivery {
  readonly state: string;
  readonly attempts?: number;
  readonly error?: string;
  readonly lastAttemptAt?: string;
  readonly deliveredAt?: string;
  readonly round?: number;
}

export const delivered = { state: "delivered", deliveredAt: "2026-11-23T10:00:01Z" };
export const exhausted = { state: "exhausted", error: "http_5xx", attempts: 4 };

/** Leads of the default tenant with what became of their webhooks, and how it is told. */
export function webhooksOf(t: Pick<TestApp, "app" | "owner">) {
  return {
    /** Plays the validator and the dispatcher: one lead per entry, with its deliveries. */
    async addLeads(
      batchId: string,
      leads: readonly { readonly status?: string; readonly deliveries: readonly Delivery[] }[],
    ): Promise<readonly string[]> {
      const batchUuid = uuidOfBatchId(batchId);
      const leadUuids: string[] = [];
      for (const [index, { status = "valid", deliveries }] of leads.entries()) {
        const leadUuid = randomUUID();
        leadUuids.push(leadUuid);
        await t.owner.query(
          `insert into validation.leads values ($1, $2, $3, $3, $4, 'ada.quillfeather.15031990', 1,
         'Ada', 'Quillfeather', '15/03/1990', null, $5, '[]', '[]', now(),
         '2026-11-23T10:00:00Z')`,
          [leadUuid, batchUuid, index + 1, DEFAULT_TENANT_ID, status],
        );
        for (const delivery of deliveries)
          await addDelivery(t.owner, batchUuid, leadUuid, delivery);
      }
      return leadUuids;
    },
    async statusPage(batchId: string, query = ""): Promise<WebhookStatusPage> {
      const url = `/webhook_status/${batchId}${query}`;
      const response = await t.app.inject({ url, headers: AUTH });
      assert.equal(response.statusCode, 200, response.body);
      return response.json();
    },
  };
}

async function addDelivery(
  owner: TestApp["owner"],
  batchUuid: string,
  leadUuid: string,
  delivery: Delivery,
) {
  const { state, attempts = 1, error, lastAttemptAt, deliveredAt, round = 0 } = delivery;
  await owner.query(
    `insert into delivery.deliveries (delivery_id, lead_uuid, endpoint_id, tenant_id, batch_id,
       state, round, wake_kind, attempts, last_attempt_at, delivered_at, last_error_class)
     values ($1, $2, $3, $4, $5, $6, $7, 0, $8, $9, $10, $11)`,
    [
      randomUUID(),
      leadUuid,
      randomUUID(),
      DEFAULT_TENANT_ID,
      batchUuid,
      state,
      round,
      attempts,
      lastAttemptAt ?? null,
      deliveredAt ?? null,
      error ?? null,
    ],
  );
}
