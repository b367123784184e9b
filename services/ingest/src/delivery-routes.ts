import { DeliveryDetail, DeliveryFilter, DeliveryPage } from "@valify/contracts/api";
import type { Database } from "@valify/database";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import type { Kysely } from "kysely";
import { z } from "zod";

import { actorOf, tenantOf } from "./auth.ts";
import { uuidOfParam } from "./batch-param.ts";
import { findDelivery, listAttempts, listDeliveries } from "./delivery-queries.ts";
import { attemptViewOf, deliveryViewOf } from "./delivery-view.ts";
import {
  decodeDeliveryCursor,
  decodeRowCursor,
  encodeDeliveryCursor,
  encodeRowCursor,
} from "./domain/cursor.ts";
import { failures, sendProblem } from "./problem.ts";
import type { RecordRead } from "./read-record.ts";
import { readInTenant } from "./tenant-scope.ts";
import { uuidOf } from "./uuid-param.ts";

export interface DeliveryRoutesDeps {
  readonly db: Kysely<Database>;
  readonly recordRead: RecordRead;
}

const params = z.object({ delivery_id: z.string() });
const page = { cursor: z.string().optional() };

const LIST_ROUTE = {
  schema: {
    summary: "Deliveries, those of the newest batch first; test events before all",
    querystring: z.strictObject({
      ...page,
      batch_id: z.string().optional(),
      endpoint_id: z.string().optional(),
      status: DeliveryFilter.optional(),
      limit: z.coerce.number().int().min(1).max(500).default(100),
    }),
    response: { 200: DeliveryPage },
  },
  config: {
    permission: "deliveries:read",
    problems: ["CURSOR_INVALID", "BATCH_NOT_FOUND", "ENDPOINT_NOT_FOUND"],
  },
} as const;

const READ_ROUTE = {
  schema: {
    summary: "One delivery with its attempts, oldest first",
    params,
    querystring: z.strictObject({
      ...page,
      limit: z.coerce.number().int().min(1).max(100).default(20),
    }),
    response: { 200: DeliveryDetail },
  },
  config: { permission: "deliveries:read", problems: ["DELIVERY_NOT_FOUND", "CURSOR_INVALID"] },
} as const;

export const deliveryRoutes: FastifyPluginAsyncZod<DeliveryRoutesDeps> = async (app, deps) => {
  const { db, recordRead } = deps;

  app.get("/deliveries", LIST_ROUTE, async (request, reply) => {
    const { batch_id: batchId, endpoint_id: endpoint, status, cursor, limit } = request.query;
    const after = cursor === undefined ? undefined : decodeDeliveryCursor(cursor);
    if (after === null) return sendProblem(reply, failures.cursorInvalid);
    const batchUuid = batchId && uuidOfParam(batchId);
    if (batchId !== undefined && !batchUuid) return sendProblem(reply, failures.batchNotFound);
    const endpointId = endpoint && uuidOf(endpoint);
    if (endpoint !== undefined && !endpointId) return sendProblem(reply, failures.endpointNotFound);
    const tenantId = tenantOf(request);
    const listing = { tenantId, batchUuid, endpointId, status, after, limit };
    const found = await readInTenant(db, tenantId, (trx) => listDeliveries(trx, listing));
    return reply.send({
      deliveries: found.deliveries.map(deliveryViewOf),
      next_cursor: found.next === null ? null : encodeDeliveryCursor(found.next),
    });
  });

  app.get("/deliveries/:delivery_id", READ_ROUTE, async (request, reply) => {
    const { cursor, limit } = request.query;
    const afterAttempt = cursor === undefined ? 0 : decodeRowCursor(cursor);
    if (afterAttempt === null) return sendProblem(reply, failures.cursorInvalid);
    const deliveryId = uuidOf(request.params.delivery_id);
    if (deliveryId === undefined) return sendProblem(reply, failures.deliveryNotFound);
    const actor = actorOf(request);
    const { tenantId } = actor;
    const found = await readInTenant(db, tenantId, async (trx) => {
      const delivery = await findDelivery(trx, tenantId, deliveryId);
      const listing = { tenantId, deliveryId, afterAttempt, limit: limit + 1 };
      return delivery && { delivery, attempts: await listAttempts(trx, listing) };
    });
    if (found === undefined) return sendProblem(reply, failures.deliveryNotFound);
    // Receivers like to quote in their answers what they were sent.
    const object = { objectKind: "delivery", objectId: deliveryId };
    await recordRead(actor, { action: "delivery.read", ...object });
    const attempts = found.attempts.slice(0, limit);
    const last = attempts.at(-1)?.attempt ?? 0;
    return reply.send({
      ...deliveryViewOf(found.delivery),
      attempt_log: attempts.map(attemptViewOf),
      next_cursor: found.attempts.length > limit ? encodeRowCursor(last) : null,
    });
  });
};
