import { batchIdOfUuid } from "@valify/contracts";
import { UsageMonth, UsageStatement } from "@valify/contracts/api";
import type { Database } from "@valify/database";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import type { Kysely } from "kysely";
import { z } from "zod";

import { tenantOf } from "./auth.ts";
import { decodeSequenceCursor, encodeSequenceCursor } from "./domain/cursor.ts";
import { monthOf, spanOfMonth } from "./domain/usage-month.ts";
import { findLimits } from "./limit-queries.ts";
import { failures, sendProblem } from "./problem.ts";
import { readInTenant } from "./tenant-scope.ts";
import { listUsage, sumUsage, type UsageEntry } from "./usage-queries.ts";

const usageQuery = z.strictObject({
  month: UsageMonth.optional(),
  cursor: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});

export const usageRoutes: FastifyPluginAsyncZod<{ readonly db: Kysely<Database> }> = async (
  app,
  { db },
) => {
  app.get(
    "/usage",
    {
      schema: {
        summary: "The usage statement of a month",
        description: "What was reserved, charged and released, and each entry of the ledger.",
        querystring: usageQuery,
        response: { 200: UsageStatement },
      },
      config: { permission: "usage:read", problems: ["CURSOR_INVALID"] },
    },
    async (request, reply) => {
      const { month = monthOf(new Date()), cursor, limit } = request.query;
      const afterEntry = cursor === undefined ? 0 : decodeSequenceCursor(cursor);
      if (afterEntry === null) return sendProblem(reply, failures.cursorInvalid);
      const tenantId = tenantOf(request);
      const span = spanOfMonth(month);
      const { totals, page, limits } = await readInTenant(db, tenantId, async (trx) => ({
        totals: await sumUsage(trx, tenantId, span),
        page: await listUsage(trx, { tenantId, span, afterEntry, limit }),
        limits: await findLimits(trx, tenantId),
      }));
      return {
        month,
        leads_charged: totals.charged,
        leads_reserved: totals.reserved,
        leads_released: totals.released,
        batches_charged: totals.batchesCharged,
        leads_open: totals.open,
        leads_per_month_max: limits?.leadsPerMonthMax ?? null,
        entries: page.entries.map(itemOf),
        next_cursor: page.nextEntry === null ? null : encodeSequenceCursor(page.nextEntry),
      };
    },
  );
};

function itemOf({ batchUuid, filename, kind, leads, at }: UsageEntry) {
  return { batch_id: batchIdOfUuid(batchUuid), filename, kind, leads, at: at.toISOString() };
}
