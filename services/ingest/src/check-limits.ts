import type { Database } from "@valify/database";
import type { Transaction } from "kysely";

import { judgeLimits, type LimitExceeded } from "./domain/tenant-limits.ts";
import { findLimits, lockTenant, measureUse } from "./limit-queries.ts";

/**
 * Whether the tenant stays within its limits, the rows that this transaction has written included.
 * Call it after the insert and undo all where it says no: of two uploads at once, the one that comes
 * second counts the first. A tenant without limits waits for nobody.
 */
export async function checkLimits(
  trx: Transaction<Database>,
  tenantId: string,
  now: Date,
): Promise<LimitExceeded | null> {
  const limits = await findLimits(trx, tenantId);
  if (limits === undefined || Object.values(limits).every((limit) => limit === null)) return null;
  await lockTenant(trx, tenantId);
  return judgeLimits(limits, await measureUse(trx, tenantId), now);
}
