import { batchIdOfUuid } from "@valify/contracts";
import type { DeliveryDetail, DeliveryPage } from "@valify/contracts/api";
import type { DeliveryState } from "@valify/database";
import type { z } from "zod";

import type { StoredAttempt, StoredDelivery } from "./delivery-queries.ts";

type View = z.infer<typeof DeliveryPage>["deliveries"][number];
type Attempt = z.infer<typeof DeliveryDetail>["attempt_log"][number];

/** Where a lead had no endpoint, this id stands in. */
const NO_ENDPOINT_ID = "00000000-0000-0000-0000-000000000000";
const TRIGGERS = ["scheduled", "retry", "deferral", "manual", "recover", "test"] as const;

const STATUS_OF: Readonly<Record<DeliveryState, View["status"]>> = {
  sending: "pending",
  waiting: "pending",
  held: "pending",
  delivered: "sent",
  exhausted: "failed",
  no_endpoint: "failed",
  cancelled: "cancelled",
  erased: "erased",
};

export function isTest({ batchUuid, tenantId }: StoredDelivery): boolean {
  return batchUuid === tenantId;
}

export function deliveryViewOf(row: StoredDelivery): View {
  return {
    delivery_id: row.deliveryId,
    webhook_id: `msg_${row.deliveryId.replaceAll("-", "")}`,
    endpoint_id: row.endpointId === NO_ENDPOINT_ID ? null : row.endpointId,
    batch_id: isTest(row) ? null : batchIdOfUuid(row.batchUuid),
    lead_uuid: isTest(row) ? null : row.leadUuid,
    status: STATUS_OF[row.state],
    state: row.state,
    wait_reason: row.waitReason,
    trigger: triggerOf(row.wakeKind),
    attempts: row.attempts,
    next_attempt_at: row.nextAttemptAt?.toISOString() ?? null,
    last_attempt_at: row.lastAttemptAt?.toISOString() ?? null,
    delivered_at: row.deliveredAt?.toISOString() ?? null,
    last_status_code: row.lastStatusCode,
    last_error: row.lastErrorClass,
    created_at: row.createdAt.toISOString(),
  };
}

export function attemptViewOf(row: StoredAttempt): Attempt {
  return {
    attempt: row.attempt,
    trigger: triggerOf(row.kind),
    due_at: row.dueAt.toISOString(),
    started_at: row.startedAt.toISOString(),
    duration_ms: row.durationMs,
    outcome: row.outcome,
    status_code: row.statusCode,
    dns_ms: row.dnsMs,
    connect_ms: row.connectMs,
    tls_ms: row.tlsMs,
    first_byte_ms: row.firstByteMs,
    remote_address: row.remoteAddress,
    request_headers: row.requestHeaders,
    response_headers: row.responseHeaders,
    response_body: row.responseBody,
    response_truncated: row.responseTruncated,
  };
}

/** The table's check holds kinds to 0..5. */
function triggerOf(kind: number): View["trigger"] {
  return TRIGGERS[kind] ?? "scheduled";
}
