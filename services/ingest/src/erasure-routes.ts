import {
  ErasurePage,
  ErasurePreview,
  ErasureReplayAccepted,
  ErasureRequest,
  ErasureView,
} from "@valify/contracts/api";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";

import { recordAudit } from "./audit.ts";
import { actorOf, tenantOf } from "./auth.ts";
import { DEFAULT_TENANT_ID } from "./bootstrap.ts";
import { decodeBatchCursor, encodeBatchCursor } from "./domain/cursor.ts";
import { findErasure, listErasures, type StoredErasure } from "./erasure-queries.ts";
import { replayOrders } from "./erasure-register.ts";
import { acceptJson } from "./json-body.ts";
import { pageQuery } from "./page-query.ts";
import { failures, sendProblem } from "./problem.ts";
import { previewErasure, requestErasure, type RequestErasureDeps } from "./request-erasure.ts";
import { inTenant, readInTenant } from "./tenant-scope.ts";
import { uuidOf } from "./uuid-param.ts";

export interface ErasureRoutesDeps extends RequestErasureDeps {
  readonly wakeOutbox: () => void;
}

const params = z.object({ erasure_id: z.string() });

const ERASE_ROUTE = {
  schema: {
    summary: "What is held of a person; with confirm, erase the rows named",
    body: ErasureRequest,
    response: { 200: ErasurePreview, 202: ErasureView },
  },
  config: {
    permission: "erasures:write",
    problems: ["LEAD_NOT_FOUND", "ERASURE_MISMATCH", "CONTENT_TYPE_UNSUPPORTED"],
  },
} as const;

const LIST_ROUTE = {
  schema: {
    summary: "Erasures, newest first",
    querystring: pageQuery,
    response: { 200: ErasurePage },
  },
  config: { permission: "erasures:read", problems: ["CURSOR_INVALID"] },
} as const;

const READ_ROUTE = {
  schema: { summary: "One erasure and how far it is", params, response: { 200: ErasureView } },
  config: { permission: "erasures:read", problems: ["ERASURE_NOT_FOUND"] },
} as const;

const REPLAY_ROUTE = {
  schema: {
    summary: "Do every erasure once more, as after a restore",
    description: "Those of the own tenant; of every tenant for the installation's own.",
    response: { 202: ErasureReplayAccepted },
  },
  config: { permission: "erasures:write" },
} as const;

/** A lead id is in a body and never in a URL: those are written down everywhere. */
export const erasureRoutes: FastifyPluginAsyncZod<ErasureRoutesDeps> = async (app, deps) => {
  const { db, store, wakeOutbox } = deps;
  acceptJson(app);

  app.post("/erasures", ERASE_ROUTE, async (request, reply) => {
    const { confirm, ...named } = request.body;
    const actor = actorOf(request);
    if (confirm === undefined) {
      const looked = await previewErasure(deps, actor, named);
      if (looked.kind === "refused") return sendProblem(reply, looked.failure);
      return reply.send(looked.preview);
    }
    const erasing = await requestErasure(deps, actor, { ...named, confirm }, new Date());
    if (erasing.kind === "refused") return sendProblem(reply, erasing.failure);
    wakeOutbox();
    reply.header("location", `/erasures/${erasing.erasure.erasure_id}`);
    return reply.code(202).send(viewOf(erasing.erasure));
  });

  app.get("/erasures", LIST_ROUTE, async (request, reply) => {
    const { cursor, limit } = request.query;
    const after = cursor === undefined ? undefined : decodeBatchCursor(cursor);
    if (after === null) return sendProblem(reply, failures.cursorInvalid);
    const tenantId = tenantOf(request);
    const listing = { tenantId, after, limit: limit + 1 };
    const found = await readInTenant(db, tenantId, (trx) => listErasures(trx, listing));
    const erasures = found.slice(0, limit);
    const last = found.length > limit ? erasures.at(-1) : undefined;
    const next = last && encodeBatchCursor({ createdAt: last.place, batchUuid: last.erasure_id });
    return reply.send({ erasures: erasures.map(viewOf), next_cursor: next ?? null });
  });

  app.get("/erasures/:erasure_id", READ_ROUTE, async (request, reply) => {
    const tenantId = tenantOf(request);
    const erasureId = uuidOf(request.params.erasure_id);
    const found =
      erasureId &&
      (await readInTenant(db, tenantId, (trx) => findErasure(trx, tenantId, erasureId)));
    return found ? viewOf(found) : sendProblem(reply, failures.erasureNotFound);
  });

  app.post("/erasure_replays", REPLAY_ROUTE, async (request, reply) => {
    const actor = actorOf(request);
    const { tenantId } = actor;
    const whose = tenantId === DEFAULT_TENANT_ID ? {} : { tenantId };
    const replayed = await replayOrders(db, store, { ...whose, which: "all" });
    const entry = {
      action: "erasures.replayed",
      objectKind: "tenant",
      objectId: tenantId,
    } as const;
    await inTenant(db, tenantId, (trx) =>
      recordAudit(trx, actor, { ...entry, details: { replayed } }),
    );
    wakeOutbox();
    return reply.code(202).send({ replayed });
  });
};

function at(instant: Date | null): string | null {
  return instant?.toISOString() ?? null;
}

export function viewOf(row: StoredErasure): ErasureView {
  return {
    erasure_id: row.erasure_id,
    status: row.completed_at === null ? "running" : "completed",
    leads: row.leads.map(({ lead_uuid, batch_id }) => ({ lead_uuid, batch_id })),
    cleared: {
      validator: at(row.validator_at),
      scheduler: at(row.scheduler_at),
      webhook_dispatcher: at(row.dispatcher_at),
      uploads: at(row.uploads_at),
    },
    requested_at: row.requested_at.toISOString(),
    completed_at: at(row.completed_at),
  };
}
