import type { Decision } from "./decisions.ts";
import { maskRequestHeaders } from "./domain/mask-headers.ts";
import type { OutboundWebhook, SendResult } from "./http-sender.ts";
import type { ClaimedDelivery } from "./prepare-deliveries.ts";
import type { AttemptRecord, DeliveryRecord } from "./record-queries.ts";

/** What was sent and what came back. */
export interface Exchange {
  readonly request: OutboundWebhook;
  readonly result: SendResult;
}

/** A decision as it is stored and told. `sent` is null where no request was made. */
export function recordOf(
  delivery: ClaimedDelivery,
  decision: Decision,
  sent: Exchange | null,
): DeliveryRecord {
  return {
    deliveryId: delivery.deliveryId,
    leadUuid: delivery.leadUuid,
    endpointId: delivery.endpointId,
    tenantId: delivery.tenantId,
    batchId: delivery.batchId,
    round: delivery.round,
    state: decision.state,
    waitReason: decision.waitReason,
    wakeKind: decision.wakeKind ?? delivery.kind,
    nextAttemptAt: decision.nextAttemptAt,
    attempts: delivery.attempts + (sent === null ? 0 : 1),
    cycleAttempts: delivery.cycleAttempts + (sent !== null && decision.isSpent ? 1 : 0),
    dueSince: delivery.dueSince,
    lastAttemptAt: sent?.result.startedAt ?? null,
    lastStatusCode: sent?.result.statusCode ?? null,
    lastErrorClass: sent?.result.outcome ?? null,
    bodySha256: sent?.request.bodySha256 ?? null,
    attempt: sent === null ? null : attemptOf(delivery, sent),
  };
}

function attemptOf({ kind, dueSince }: ClaimedDelivery, sent: Exchange): AttemptRecord {
  const { outcome, statusCode, responseBody, startedAt, durationMs, trace } = sent.result;
  const { responseHeaders, responseTruncated } = sent.result;
  return {
    kind,
    dueAt: dueSince,
    startedAt,
    durationMs,
    outcome,
    statusCode,
    responseBody,
    responseTruncated,
    requestHeaders: JSON.stringify(maskRequestHeaders(sent.request.headers)),
    responseHeaders: responseHeaders === null ? null : JSON.stringify(responseHeaders),
    // A zone, as in fe80::1%eth0, is no part of what Postgres takes for an address.
    remoteAddress: trace.remoteAddress?.split("%")[0] ?? null,
    dnsMs: trace.connection?.dnsMs ?? null,
    connectMs: trace.connection?.connectMs ?? null,
    tlsMs: trace.connection?.tlsMs ?? null,
    firstByteMs: trace.firstByteMs,
  };
}
