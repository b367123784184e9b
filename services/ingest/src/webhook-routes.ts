import { WebhookRetryAccepted, WebhookStatus, WebhookStatusPage } from "@valify/contracts/api";
import type { Logger } from "@valify/runtime";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";

import { actorOf } from "./auth.ts";
import { batchParams, uuidOfParam } from "./batch-param.ts";
import { findBatch } from "./batch-queries.ts";
import { decodeRowCursor, encodeRowCursor } from "./domain/cursor.ts";
import { logFailure } from "./error-handling.ts";
import { failures, sendProblem } from "./problem.ts";
import type { RecordRead } from "./read-record.ts";
import { retryWebhooks, type RetryWebhooksDeps } from "./retry-webhooks.ts";
import { readInTenant } from "./tenant-scope.ts";
import type { WebhookCounts } from "./webhook-counts.ts";
import { type LeadWebhook, listLeadWebhooks } from "./webhook-queries.ts";

export interface WebhookRoutesDeps extends RetryWebhooksDeps {
  readonly log: Logger;
  readonly webhookCounts: WebhookCounts;
  readonly recordRead: RecordRead;
}

const statusQuery = z.strictObject({
  status: WebhookStatus.optional(),
  cursor: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});

const STATUS_ROUTE = {
  schema: {
    summary: "What became of each lead's webhook, in row order",
    params: batchParams,
    querystring: statusQuery,
    response: { 200: WebhookStatusPage },
  },
  config: { permission: "deliveries:read", problems: ["BATCH_NOT_FOUND", "CURSOR_INVALID"] },
} as const;

const RETRY_ROUTE = {
  schema: {
    summary: "Queue the batch's failed deliveries again",
    params: batchParams,
    response: { 202: WebhookRetryAccepted },
  },
  config: {
    permission: "deliveries:write",
    problems: ["BATCH_NOT_FOUND", "BATCH_CANCELLED", "BROKER_UNAVAILABLE"],
  },
} as const;

export const webhookRoutes: FastifyPluginAsyncZod<WebhookRoutesDeps> = async (app, deps) => {
  const { db, log, webhookCounts, recordRead } = deps;

  app.get("/webhook_status/:batch_id", STATUS_ROUTE, async (request, reply) => {
    const { batch_id: batchId } = request.params;
    const { status, cursor, limit } = request.query;
    const afterRow = cursor === undefined ? 0 : decodeRowCursor(cursor);
    if (afterRow === null) return sendProblem(reply, failures.cursorInvalid);
    const actor = actorOf(request);
    const { tenantId } = actor;
    const batchUuid = uuidOfParam(batchId);
    if (!batchUuid) return sendProblem(reply, failures.batchNotFound);
    const page = await readInTenant(db, tenantId, async (trx) => {
      const listing = { tenantId, batchUuid, status, afterRow, limit };
      const found = await listLeadWebhooks(trx, listing);
      // A lead on the page shows that the batch is there and the tenant's own.
      const isKnown = found.leads.length > 0 || (await findBatch(trx, tenantId, batchUuid));
      return isKnown ? found : null;
    });
    if (page === null) return sendProblem(reply, failures.batchNotFound);
    // A lead's id is made of name and date of birth.
    await recordRead(actor, { action: "webhooks.read", objectKind: "batch", objectId: batchId });
    const next_cursor = page.nextRow === null ? null : encodeRowCursor(page.nextRow);
    return {
      batch_id: batchId,
      counts: await webhookCounts.of(tenantId, batchUuid),
      leads: page.leads.map(itemOf),
      next_cursor,
    };
  });

  app.post("/webhook_retry/:batch_id", RETRY_ROUTE, async (request, reply) => {
    const { batch_id: batchId } = request.params;
    const actor = actorOf(request);
    const { tenantId } = actor;
    const batchUuid = uuidOfParam(batchId);
    const batch =
      batchUuid && (await readInTenant(db, tenantId, (trx) => findBatch(trx, tenantId, batchUuid)));
    if (!batchUuid || !batch) return sendProblem(reply, failures.batchNotFound);
    // The scheduler would drop each wake-up silently: better to say so.
    if (batch.status === "cancelled") return sendProblem(reply, failures.batchCancelled);
    const requeueing = await retryWebhooks(deps, actor, batchUuid, new Date());
    webhookCounts.forget(tenantId, batchUuid);
    if (requeueing.kind === "requeued") {
      const { deliveryCount } = requeueing;
      log.info({ batchId, deliveryCount }, "webhooks.requeued");
      return reply.code(202).send({ batch_id: batchId, requeued: deliveryCount });
    }
    logFailure(log, failures.brokerUnavailable, requeueing.error, request.routeOptions.url);
    return sendProblem(reply, failures.brokerUnavailable);
  });
};

function itemOf(lead: LeadWebhook): z.infer<typeof WebhookStatusPage>["leads"][number] {
  return {
    id: lead.leadId,
    lead_uuid: lead.leadUuid,
    row: lead.rowNumber,
    webhook_status: lead.status,
    webhook_attempts: lead.attempts,
    webhook_scheduled_at: lead.scheduledAt.toISOString(),
    webhook_sent_at: lead.sentAt?.toISOString() ?? null,
    last_error: lead.lastError,
  };
}
