import type { TenantChange, TenantCreation } from "@valify/contracts/api";
import type { Database } from "@valify/database";
import type { Kysely } from "kysely";

import { type Actor, recordAudit } from "./audit.ts";
import type { TenantLimits } from "./domain/tenant-limits.ts";
import { lockTenant } from "./limit-queries.ts";
import type { Passwords } from "./passwords.ts";
import { type Failure, failures } from "./problem.ts";
import { signInBusy } from "./sign-in.ts";
import { findTenant, insertTenant, type StoredTenant, updateTenant } from "./tenant-queries.ts";
import { asSystem } from "./tenant-scope.ts";
import { emailTaken } from "./user-changes.ts";
import { insertUser } from "./user-queries.ts";

export interface TenantChangesDeps {
  readonly db: Kysely<Database>;
  readonly passwords: Passwords;
}

export type TenantOutcome =
  | { readonly kind: "done"; readonly tenant: StoredTenant }
  | { readonly kind: "refused"; readonly failure: Failure };

const NO_LIMITS: TenantLimits = {
  filesPerDayMax: null,
  leadsPerMonthMax: null,
  storedBytesMax: null,
  concurrentBatchesMax: null,
};

/** The tenant and its first admin, or neither. Told in the log of whoever made it. */
export async function createTenant(
  { db, passwords }: TenantChangesDeps,
  actor: Actor,
  { name, limits, admin }: TenantCreation,
): Promise<TenantOutcome> {
  const password = admin?.password;
  const passwordHash = password === undefined ? null : await passwords.hash(password);
  if (password !== undefined && passwordHash === null) return refuse(signInBusy);
  try {
    return await asSystem(db, async (trx) => {
      const tenant = await insertTenant(trx, name, changed(NO_LIMITS, limits));
      const { tenantId } = tenant;
      if (admin !== undefined) {
        const email = admin.email.toLowerCase();
        const user = { tenantId, email, role: "admin", passwordHash } as const;
        if ((await insertUser(trx, user)) === undefined) throw new EmailTaken();
      }
      const object = { objectKind: "tenant", objectId: tenantId };
      const details = { hasAdmin: admin !== undefined };
      await recordAudit(trx, actor, { action: "tenant.created", ...object, details });
      return { kind: "done", tenant };
    });
  } catch (error) {
    if (error instanceof EmailTaken) return refuse(emailTaken);
    throw error;
  }
}

/** Told in both logs: whoever did it, and whom it was done to. */
export async function changeTenant(
  db: Kysely<Database>,
  actor: Actor,
  tenantId: string,
  { name, limits }: TenantChange,
): Promise<TenantOutcome> {
  return asSystem(db, async (trx): Promise<TenantOutcome> => {
    await lockTenant(trx, tenantId);
    const found = await findTenant(trx, tenantId);
    if (found === undefined) return refuse(failures.tenantNotFound);
    const update = { name: name ?? found.name, limits: changed(found, limits) };
    const tenant = await updateTenant(trx, tenantId, update);
    const details = { ...limits, ...(name === undefined ? {} : { hasNewName: true }) };
    const object = { objectKind: "tenant", objectId: tenantId };
    // In one order for everybody, since each entry holds its tenant's log until the end.
    const logs = [...new Set([actor.tenantId, tenantId])].toSorted();
    for (const log of logs) {
      const entry = { action: "tenant.changed", ...object, details } as const;
      await recordAudit(trx, { ...actor, tenantId: log }, entry);
    }
    return { kind: "done", tenant };
  });
}

function changed(limits: TenantLimits, change: TenantChange["limits"]): TenantLimits {
  const { files_per_day_max, leads_per_month_max, stored_bytes_max, concurrent_batches_max } =
    change;
  return {
    filesPerDayMax: given(files_per_day_max, limits.filesPerDayMax),
    leadsPerMonthMax: given(leads_per_month_max, limits.leadsPerMonthMax),
    storedBytesMax: given(stored_bytes_max, limits.storedBytesMax),
    concurrentBatchesMax: given(concurrent_batches_max, limits.concurrentBatchesMax),
  };
}

function given(next: number | null | undefined, now: number | null): number | null {
  return next === undefined ? now : next;
}

class EmailTaken extends Error {}

function refuse(failure: Failure): TenantOutcome {
  return { kind: "refused", failure };
}
