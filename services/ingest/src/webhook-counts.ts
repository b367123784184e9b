import type { WebhookStatus } from "@valify/contracts/api";
import type { Database } from "@valify/database";
import type { Kysely } from "kysely";

import { createRecentCounts, type RecentCounts } from "./domain/recent-counts.ts";
import { readInTenant } from "./tenant-scope.ts";
import { countLeadWebhooks } from "./webhook-queries.ts";

/** Of a batch's leads, by what became of their webhooks. Who changes that here forgets them. */
export type WebhookCounts = RecentCounts<Record<WebhookStatus, number>>;

export function createWebhookCounts(db: Kysely<Database>): WebhookCounts {
  return createRecentCounts({
    nowMs: () => performance.now(),
    count: (tenantId, batchUuid) =>
      readInTenant(db, tenantId, (reader) => countLeadWebhooks(reader, tenantId, batchUuid)),
  });
}
