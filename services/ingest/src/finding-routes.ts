import { FindingPage } from "@valify/contracts/api";
import type { Database } from "@valify/database";
import { templateCsv } from "@valify/lead-file";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import type { Kysely } from "kysely";
import { z } from "zod";

import { actorOf } from "./auth.ts";
import { batchParams, uuidOfParam } from "./batch-param.ts";
import { findBatch } from "./batch-queries.ts";
import { decodeFindingCursor, encodeFindingCursor, FIRST_FINDING } from "./domain/cursor.ts";
import { countFindings, type FoundFinding, listFindings } from "./finding-queries.ts";
import { failures, sendProblem } from "./problem.ts";
import type { RecordRead } from "./read-record.ts";
import { readInTenant } from "./tenant-scope.ts";

export interface FindingRoutesDeps {
  readonly db: Kysely<Database>;
  readonly recordRead: RecordRead;
}

const LIST_ROUTE = {
  schema: {
    summary: "What was found in a batch, with counts by code",
    params: batchParams,
    querystring: z.strictObject({
      code: z.string().max(100).optional(),
      severity: z.enum(["error", "warning", "info"]).optional(),
      cursor: z.string().optional(),
      limit: z.coerce.number().int().min(1).max(1000).default(100),
    }),
    response: { 200: FindingPage },
  },
  config: { permission: "batches:read", problems: ["BATCH_NOT_FOUND", "CURSOR_INVALID"] },
} as const;

const TEMPLATE_ROUTE = {
  schema: {
    summary: "A CSV to fill in",
    response: {
      200: { description: "The template", content: { "text/csv": { schema: z.string() } } },
    },
  },
  config: { permission: "self" },
} as const;

export const findingRoutes: FastifyPluginAsyncZod<FindingRoutesDeps> = async (app, deps) => {
  const { db, recordRead } = deps;

  app.get("/batches/:batch_id/findings", LIST_ROUTE, async (request, reply) => {
    const { batch_id: batchId } = request.params;
    const { cursor, ...filter } = request.query;
    const after = cursor === undefined ? FIRST_FINDING : decodeFindingCursor(cursor);
    if (after === null) return sendProblem(reply, failures.cursorInvalid);
    const batchUuid = uuidOfParam(batchId);
    if (batchUuid === undefined) return sendProblem(reply, failures.batchNotFound);
    const actor = actorOf(request);
    const { tenantId } = actor;
    const listing = { tenantId, batchUuid, code: undefined, severity: undefined, ...filter, after };
    const found = await readInTenant(db, tenantId, async (trx) => {
      if (!(await findBatch(trx, tenantId, batchUuid))) return undefined;
      const counts = await countFindings(trx, tenantId, batchUuid);
      return { counts, ...(await listFindings(trx, listing)) };
    });
    if (found === undefined) return sendProblem(reply, failures.batchNotFound);
    await recordRead(actor, { action: "findings.read", objectKind: "batch", objectId: batchId });
    return {
      batch_id: batchId,
      counts: [...found.counts],
      findings: found.findings.map(viewOf),
      next_cursor: found.next === null ? null : encodeFindingCursor(found.next),
    };
  });

  app.get("/template.csv", TEMPLATE_ROUTE, async (_request, reply) =>
    reply
      .headers({
        "content-type": "text/csv; charset=utf-8",
        "content-disposition": 'attachment; filename="leads-template.csv"',
      })
      .send(templateCsv),
  );
};

function viewOf({ rowNumber, lineNumber, field, code, severity, message, value }: FoundFinding) {
  return { row: rowNumber, line: lineNumber, field, code, severity, message, value };
}
