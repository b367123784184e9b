import { SessionPage } from "@valify/contracts/api";
import type { Database } from "@valify/database";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import type { Kysely } from "kysely";
import { z } from "zod";

import { recordAudit } from "./audit.ts";
import { actorOf, identityOf } from "./auth.ts";
import { decodeIdCursor, encodeIdCursor } from "./domain/cursor.ts";
import { pageQuery } from "./page-query.ts";
import { failures, sendProblem } from "./problem.ts";
import { clearSessionCookie } from "./session-cookie.ts";
import { deleteSessionById, listSessions, type StoredSession } from "./session-queries.ts";
import { inTenant, readInTenant } from "./tenant-scope.ts";
import { uuidOf } from "./uuid-param.ts";

const LIST_ROUTE = {
  schema: {
    summary: "The sessions that are alive",
    description: "One's own; whoever may read access sees everybody's of the tenant.",
    querystring: pageQuery,
    response: { 200: SessionPage },
  },
  config: { permission: "self", problems: ["CURSOR_INVALID"] },
} as const;

const END_ROUTE = {
  schema: {
    summary: "End a session",
    description: "`current` names the one of this request; others' need `access:write`.",
    params: z.object({ session_id: z.string() }),
    response: { 204: z.undefined().describe("It has ended") },
  },
  config: { permission: "self", problems: ["SESSION_NOT_FOUND"] },
} as const;

export const sessionRoutes: FastifyPluginAsyncZod<{ readonly db: Kysely<Database> }> = async (
  app,
  { db },
) => {
  app.get("/sessions", LIST_ROUTE, async (request, reply) => {
    const { cursor, limit } = request.query;
    const after = cursor === undefined ? undefined : decodeIdCursor(cursor);
    if (after === null) return sendProblem(reply, failures.cursorInvalid);
    const { tenantId, id, sessionId, permissions } = identityOf(request);
    const ownerId = permissions.has("access:read") ? undefined : id;
    const listing = { tenantId, ownerId, after, limit: limit + 1 };
    const found = await readInTenant(db, tenantId, (trx) => listSessions(trx, listing));
    const page = found.slice(0, limit);
    return {
      sessions: page.map((session) => viewOf(session, sessionId)),
      next_cursor: found.length > limit ? encodeIdCursor(page.at(-1)?.sessionId ?? "") : null,
    };
  });

  app.delete("/sessions/:session_id", END_ROUTE, async (request, reply) => {
    const { tenantId, id, sessionId: currentId, permissions } = identityOf(request);
    const named = request.params.session_id;
    const sessionId = named === "current" ? currentId : uuidOf(named);
    const ownerId = permissions.has("access:write") ? undefined : id;
    const actor = actorOf(request);
    const isEnded =
      sessionId &&
      (await inTenant(db, tenantId, async (trx) => {
        const isDeleted = await deleteSessionById(trx, { tenantId, sessionId, ownerId });
        const object = { objectKind: "session", objectId: sessionId };
        if (isDeleted) await recordAudit(trx, actor, { action: "session.ended", ...object });
        return isDeleted;
      }));
    if (!isEnded) return sendProblem(reply, failures.sessionNotFound);
    if (sessionId === currentId) clearSessionCookie(reply);
    return reply.code(204).send();
  });
};

function viewOf(session: StoredSession, currentId: string | null) {
  return {
    session_id: session.sessionId,
    user_id: session.userId,
    api_key_id: session.apiKeyId,
    is_current: session.sessionId === currentId,
    created_at: session.createdAt.toISOString(),
    last_seen_at: session.lastSeenAt.toISOString(),
    expires_at: session.expiresAt.toISOString(),
  };
}
