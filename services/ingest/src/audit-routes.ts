import { AuditPage, AuditVerification } from "@valify/contracts/api";
import type { Database } from "@valify/database";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import type { Kysely } from "kysely";

import { listAuditEntries, type StoredAuditEntry, verifyAuditChain } from "./audit-queries.ts";
import { tenantOf } from "./auth.ts";
import { decodeSequenceCursor, encodeSequenceCursor } from "./domain/cursor.ts";
import { pageQuery } from "./page-query.ts";
import { failures, sendProblem } from "./problem.ts";
import { readInTenant } from "./tenant-scope.ts";

const LIST_ROUTE = {
  schema: {
    summary: "Who did what, newest first",
    querystring: pageQuery,
    response: { 200: AuditPage },
  },
  config: { permission: "audit:read", problems: ["CURSOR_INVALID"] },
} as const;

const VERIFY_ROUTE = {
  schema: {
    summary: "Whether every entry is as it was written, and none is missing",
    response: { 200: AuditVerification },
  },
  config: { permission: "audit:read" },
} as const;

export const auditRoutes: FastifyPluginAsyncZod<{ readonly db: Kysely<Database> }> = async (
  app,
  { db },
) => {
  app.get("/audit_log", LIST_ROUTE, async (request, reply) => {
    const { cursor, limit } = request.query;
    const before = cursor === undefined ? undefined : decodeSequenceCursor(cursor);
    if (before === null) return sendProblem(reply, failures.cursorInvalid);
    const tenantId = tenantOf(request);
    const listing = { tenantId, before, limit: limit + 1 };
    const found = await readInTenant(db, tenantId, (trx) => listAuditEntries(trx, listing));
    const page = found.slice(0, limit);
    const last = page.at(-1);
    const next_cursor = found.length > limit && last ? encodeSequenceCursor(last.sequence) : null;
    return { entries: page.map(viewOf), next_cursor };
  });

  app.get("/audit_log/verification", VERIFY_ROUTE, async (request, reply) => {
    const tenantId = tenantOf(request);
    const check = await readInTenant(db, tenantId, (trx) => verifyAuditChain(trx, tenantId));
    const { entryCount, brokenAt } = check;
    const is_intact = brokenAt === null;
    return reply.send({ entry_count: entryCount, is_intact, broken_at: brokenAt });
  });
};

function viewOf(entry: StoredAuditEntry) {
  return {
    sequence: entry.sequence,
    at: entry.at.toISOString(),
    actor_kind: entry.actorKind,
    actor_id: entry.actorId,
    ip: entry.ip,
    action: entry.action,
    object_kind: entry.objectKind,
    object_id: entry.objectId,
    details: entry.details,
    hash: entry.hash.toString("hex"),
  };
}
