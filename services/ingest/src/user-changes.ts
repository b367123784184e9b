import type { Role } from "@valify/contracts/api";
import type { Database } from "@valify/database";
import type { Kysely, Transaction } from "kysely";

import { type Actor, recordAudit } from "./audit.ts";
import { lockTenant } from "./limit-queries.ts";
import type { Passwords } from "./passwords.ts";
import { type Failure, failures } from "./problem.ts";
import { deleteSessionsOfUser } from "./session-queries.ts";
import { signInBusy } from "./sign-in.ts";
import { inTenant } from "./tenant-scope.ts";
import {
  countAdmins,
  deleteUser,
  findUser,
  insertUser,
  type StoredUser,
  updateUser,
} from "./user-queries.ts";

export interface UserChangesDeps {
  readonly db: Kysely<Database>;
  readonly passwords: Passwords;
}

export type UserOutcome =
  | { readonly kind: "done"; readonly user: StoredUser }
  | { readonly kind: "refused"; readonly failure: Failure };

export const emailTaken: Failure = {
  status: 409,
  code: "EMAIL_TAKEN",
  detail: "Somebody signs in with this address already",
};
const lastAdmin: Failure = {
  status: 409,
  code: "LAST_ADMIN",
  detail: "The tenant would be left without an admin. Make somebody else one first",
};

export async function createUser(
  { db, passwords }: UserChangesDeps,
  actor: Actor,
  user: { readonly email: string; readonly role: Role; readonly password?: string | undefined },
): Promise<UserOutcome> {
  const { tenantId } = actor;
  const passwordHash = user.password === undefined ? null : await passwords.hash(user.password);
  if (passwordHash === null && user.password !== undefined) return refuse(signInBusy);
  const email = user.email.toLowerCase();
  return inTenant(db, tenantId, async (trx): Promise<UserOutcome> => {
    const stored = await insertUser(trx, { tenantId, email, role: user.role, passwordHash });
    if (stored === undefined) return refuse(emailTaken);
    const object = { objectKind: "user", objectId: stored.userId };
    const details = { role: stored.role };
    await recordAudit(trx, actor, { action: "user.created", ...object, details });
    return { kind: "done", user: stored };
  });
}

export interface RequestedChange {
  readonly role?: Role | undefined;
  readonly status?: "active" | "disabled" | undefined;
  readonly password?: string | undefined;
}

/** A new password and a disabled user end all sessions; a new role counts at the next request. */
export async function changeUser(
  { db, passwords }: UserChangesDeps,
  actor: Actor,
  userId: string,
  { role, status, password }: RequestedChange,
): Promise<UserOutcome> {
  const { tenantId } = actor;
  const hash = password === undefined ? undefined : await passwords.hash(password);
  if (hash === null) return refuse(signInBusy);
  const isDisabled = status === undefined ? undefined : status === "disabled";
  const update = { role, isDisabled, passwordHash: hash };
  return keepingAnAdmin(db, tenantId, async (trx) => {
    const user = await updateUser(trx, { tenantId, userId }, update);
    if (user === undefined) return refuse(failures.userNotFound);
    if (user.isDisabled || hash !== undefined) {
      await deleteSessionsOfUser(trx, { tenantId, userId, exceptId: null });
    }
    const object = { objectKind: "user", objectId: userId };
    const details = {
      ...(role === undefined ? {} : { role }),
      ...(status === undefined ? {} : { status }),
      ...(hash === undefined ? {} : { hasNewPassword: true }),
    };
    await recordAudit(trx, actor, { action: "user.changed", ...object, details });
    return { kind: "done", user };
  });
}

export async function removeUser(
  db: Kysely<Database>,
  actor: Actor,
  userId: string,
): Promise<UserOutcome> {
  const { tenantId } = actor;
  return keepingAnAdmin(db, tenantId, async (trx) => {
    const user = await findUser(trx, tenantId, userId);
    if (user === undefined) return refuse(failures.userNotFound);
    await deleteUser(trx, tenantId, userId);
    const object = { objectKind: "user", objectId: userId };
    await recordAudit(trx, actor, { action: "user.deleted", ...object });
    return { kind: "done", user };
  });
}

/** Undoes what would take the last admin away. A tenant that never had one may go on without. */
async function keepingAnAdmin(
  db: Kysely<Database>,
  tenantId: string,
  change: (trx: Transaction<Database>) => Promise<UserOutcome>,
): Promise<UserOutcome> {
  try {
    return await inTenant(db, tenantId, async (trx) => {
      await lockTenant(trx, tenantId);
      const countBefore = await countAdmins(trx, tenantId);
      const outcome = await change(trx);
      if (countBefore > 0 && (await countAdmins(trx, tenantId)) === 0) throw new NoAdminLeft();
      return outcome;
    });
  } catch (error) {
    if (error instanceof NoAdminLeft) return refuse(lastAdmin);
    throw error;
  }
}

class NoAdminLeft extends Error {}

function refuse(failure: Failure): UserOutcome {
  return { kind: "refused", failure };
}
