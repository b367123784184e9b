import { BatchCancelAccepted, BatchPage, BatchStatus, BatchView } from "@valify/contracts/api";
import type { Database } from "@valify/database";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import type { Kysely } from "kysely";
import { z } from "zod";

import { actorOf, tenantOf } from "./auth.ts";
import { batchParams, uuidOfParam } from "./batch-param.ts";
import { findBatch, listBatches } from "./batch-queries.ts";
import { cancelBatch } from "./cancel-batch.ts";
import { decodeBatchCursor, encodeBatchCursor } from "./domain/cursor.ts";
import { isKnownToClient } from "./etag.ts";
import { type Failure, failures, sendProblem } from "./problem.ts";
import { readInTenant } from "./tenant-scope.ts";
import type { WebhookCounts } from "./webhook-counts.ts";

export interface BatchRoutesDeps {
  readonly db: Kysely<Database>;
  /** Something was put into the outbox. */
  readonly wakeOutbox: () => void;
  readonly webhookCounts: Pick<WebhookCounts, "forget">;
}

const listQuery = z.strictObject({
  status: BatchStatus.optional(),
  cursor: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});

const STATUS_ROUTE = {
  schema: {
    summary: "A batch and its progress",
    description: "Send If-None-Match with the last ETag while polling: 304 means no news.",
    params: batchParams,
    response: { 200: BatchView, 304: z.undefined().describe("Nothing has changed") },
  },
  config: { permission: "batches:read", problems: ["BATCH_NOT_FOUND"] },
} as const;

const LIST_ROUTE = {
  schema: {
    summary: "The batches, newest first",
    querystring: listQuery,
    response: { 200: BatchPage },
  },
  config: { permission: "batches:read", problems: ["CURSOR_INVALID"] },
} as const;

const CANCEL_ROUTE = {
  schema: {
    summary: "Stop validation and drop webhooks not yet sent",
    params: batchParams,
    response: { 202: BatchCancelAccepted },
  },
  config: {
    permission: "batches:write",
    problems: ["BATCH_NOT_FOUND", "BATCH_NOT_CANCELLABLE"],
  },
} as const;

export const notCancellable: Failure = {
  status: 409,
  code: "BATCH_NOT_CANCELLABLE",
  detail: "The batch has failed: there is nothing left to cancel",
};

export const batchRoutes: FastifyPluginAsyncZod<BatchRoutesDeps> = async (app, deps) => {
  const { db, wakeOutbox, webhookCounts } = deps;

  app.get("/batch_status/:batch_id", STATUS_ROUTE, async (request, reply) => {
    const batchUuid = uuidOfParam(request.params.batch_id);
    const tenantId = tenantOf(request);
    const batch =
      batchUuid && (await readInTenant(db, tenantId, (trx) => findBatch(trx, tenantId, batchUuid)));
    if (!batch) return sendProblem(reply, failures.batchNotFound);
    return isKnownToClient(request, reply, batch) ? reply.code(304).send() : batch;
  });

  app.get("/batches", LIST_ROUTE, async (request, reply) => {
    const { status, cursor, limit } = request.query;
    const after = cursor === undefined ? undefined : decodeBatchCursor(cursor);
    if (after === null) return sendProblem(reply, failures.cursorInvalid);
    const tenantId = tenantOf(request);
    const page = await readInTenant(db, tenantId, (trx) =>
      listBatches(trx, { tenantId, status, after, limit }),
    );
    return {
      batches: page.batches,
      next_cursor: page.next === null ? null : encodeBatchCursor(page.next),
    };
  });

  app.post("/batches/:batch_id/cancel", CANCEL_ROUTE, async (request, reply) => {
    const { batch_id: batchId } = request.params;
    const batchUuid = uuidOfParam(batchId);
    if (batchUuid === undefined) return sendProblem(reply, failures.batchNotFound);
    const actor = actorOf(request);
    const { kind } = await cancelBatch(db, actor, batchUuid);
    if (kind === "not_found") return sendProblem(reply, failures.batchNotFound);
    if (kind === "failed") return sendProblem(reply, notCancellable);
    wakeOutbox();
    webhookCounts.forget(actor.tenantId, batchUuid);
    return reply.code(202).send({ batch_id: batchId, status: "cancelled" });
  });
};
