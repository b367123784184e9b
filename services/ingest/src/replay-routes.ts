import { batchIdOfUuid, uuidOfBatchId } from "@valify/contracts";
import { ReplayPage, ReplayPlan, ReplayRequest, ReplayView } from "@valify/contracts/api";
import type { Database } from "@valify/database";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import type { Kysely } from "kysely";
import { z } from "zod";

import { type Actor, recordAudit } from "./audit.ts";
import { actorOf, tenantOf } from "./auth.ts";
import { decodeBatchCursor, encodeBatchCursor } from "./domain/cursor.ts";
import { acceptJson } from "./json-body.ts";
import { type Failure, failures, sendProblem } from "./problem.ts";
import { cancelReplay, findReplay, listReplays, type StoredReplay } from "./replay-queries.ts";
import type { ReplayFilter } from "./replay-selection.ts";
import { planReplay, startReplay } from "./start-replay.ts";
import { inTenant, readInTenant } from "./tenant-scope.ts";
import { uuidOf } from "./uuid-param.ts";

export interface ReplayRoutesDeps {
  readonly db: Kysely<Database>;
  /** A replay was started. */
  readonly wakeReplays: () => void;
}

const params = z.object({ replay_id: z.string() });

const START_ROUTE = {
  schema: {
    summary: "Queue failed or missing deliveries again; dry_run only counts them",
    body: ReplayRequest,
    response: { 200: ReplayPlan, 202: ReplayView },
  },
  config: {
    permission: "deliveries:write",
    problems: ["REPLAY_LIMIT_REACHED", "REPLAY_TOO_WIDE", "CONTENT_TYPE_UNSUPPORTED"],
  },
} as const;

const LIST_ROUTE = {
  schema: {
    summary: "Replays, newest first",
    querystring: z.strictObject({
      cursor: z.string().optional(),
      limit: z.coerce.number().int().min(1).max(100).default(50),
    }),
    response: { 200: ReplayPage },
  },
  config: { permission: "deliveries:read", problems: ["CURSOR_INVALID"] },
} as const;

const READ_ROUTE = {
  schema: { summary: "One replay and how far it is", params, response: { 200: ReplayView } },
  config: { permission: "deliveries:read", problems: ["REPLAY_NOT_FOUND"] },
} as const;

const CANCEL_ROUTE = {
  schema: {
    summary: "Stop a replay; what it has queued goes out",
    params,
    response: { 202: ReplayView },
  },
  config: { permission: "deliveries:write", problems: ["REPLAY_NOT_FOUND", "REPLAY_ENDED"] },
} as const;

export const replayRoutes: FastifyPluginAsyncZod<ReplayRoutesDeps> = async (app, deps) => {
  const { db } = deps;
  acceptJson(app);

  app.post("/replays", START_ROUTE, async (request, reply) => {
    const actor = actorOf(request);
    const filter = filterOf(actor, request.body, new Date());
    if (request.body.dry_run) {
      const plan = await inTenant(db, actor.tenantId, (trx) => planReplay(trx, filter));
      if (plan.kind === "refused") return sendProblem(reply, plan.failure);
      return reply.send({ planned: plan.count });
    }
    const start = await inTenant(db, actor.tenantId, (trx) => startReplay(trx, actor, filter));
    if (start.kind === "refused") return sendProblem(reply, start.failure);
    deps.wakeReplays();
    reply.header("location", `/replays/${start.replay.replay_id}`);
    return reply.code(202).send(viewOf(start.replay));
  });

  app.get("/replays", LIST_ROUTE, async (request, reply) => {
    const { cursor, limit } = request.query;
    const after = cursor === undefined ? undefined : decodeBatchCursor(cursor);
    if (after === null) return sendProblem(reply, failures.cursorInvalid);
    const tenantId = tenantOf(request);
    const listing = { tenantId, after, limit: limit + 1 };
    const found = await readInTenant(db, tenantId, (trx) => listReplays(trx, listing));
    const replays = found.slice(0, limit);
    const last = found.length > limit ? replays.at(-1) : undefined;
    const next = last && encodeBatchCursor({ createdAt: last.place, batchUuid: last.replay_id });
    return reply.send({ replays: replays.map(viewOf), next_cursor: next ?? null });
  });

  app.get("/replays/:replay_id", READ_ROUTE, async (request, reply) => {
    const tenantId = tenantOf(request);
    const replayId = uuidOf(request.params.replay_id);
    const found =
      replayId && (await readInTenant(db, tenantId, (trx) => findReplay(trx, tenantId, replayId)));
    return found ? viewOf(found) : sendProblem(reply, failures.replayNotFound);
  });

  app.post("/replays/:replay_id/cancel", CANCEL_ROUTE, async (request, reply) => {
    const replayId = uuidOf(request.params.replay_id);
    if (replayId === undefined) return sendProblem(reply, failures.replayNotFound);
    const stopped = await stopReplay(db, actorOf(request), replayId);
    if ("code" in stopped) return sendProblem(reply, stopped);
    return reply.code(202).send(viewOf(stopped));
  });
};

const hasEnded: Failure = {
  status: 409,
  code: "REPLAY_ENDED",
  detail: "The replay has ended: there is nothing left to cancel",
};

async function stopReplay(
  db: Kysely<Database>,
  actor: Actor,
  replayId: string,
): Promise<StoredReplay | Failure> {
  const { tenantId } = actor;
  return inTenant(db, tenantId, async (trx) => {
    const stopped = await cancelReplay(trx, tenantId, replayId);
    if (stopped === undefined) {
      const found = await findReplay(trx, tenantId, replayId);
      return found === undefined ? failures.replayNotFound : hasEnded;
    }
    const object = { objectKind: "replay", objectId: replayId };
    await recordAudit(trx, actor, { action: "replay.cancelled", ...object });
    return stopped;
  });
}

function filterOf({ tenantId }: Actor, asked: ReplayRequest, now: Date): ReplayFilter {
  return {
    tenant_id: tenantId,
    scope: asked.scope,
    endpoint_id: asked.endpoint_id ?? null,
    batch_id: asked.batch_id === undefined ? null : uuidOfBatchId(asked.batch_id),
    from_at: asked.from === undefined ? null : new Date(asked.from),
    to_at: asked.to === undefined ? now : new Date(asked.to),
  };
}

function viewOf(row: StoredReplay): ReplayView {
  return {
    replay_id: row.replay_id,
    scope: row.scope,
    endpoint_id: row.endpoint_id,
    batch_id: row.batch_id === null ? null : batchIdOfUuid(row.batch_id),
    from: row.from_at?.toISOString() ?? null,
    to: row.to_at.toISOString(),
    status: row.status,
    planned: row.planned_count,
    queued: row.queued_count,
    created_at: row.created_at.toISOString(),
    ended_at: row.ended_at?.toISOString() ?? null,
  };
}
