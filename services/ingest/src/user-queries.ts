import type { Role } from "@valify/contracts/api";
import type { Database } from "@valify/database";
import { type Kysely, sql, type Transaction } from "kysely";

export interface StoredUser {
  readonly userId: string;
  readonly email: string;
  readonly role: Role;
  readonly isDisabled: boolean;
  readonly hasPassword: boolean;
  readonly createdAt: Date;
}

const USER = sql`
  user_id as "userId", email, role, disabled_at is not null as "isDisabled",
  password_hash is not null as "hasPassword", created_at as "createdAt"`;

export async function listUsers(
  db: Kysely<Database>,
  listing: {
    readonly tenantId: string;
    readonly after: string | undefined;
    readonly limit: number;
  },
): Promise<readonly StoredUser[]> {
  const { tenantId, after, limit } = listing;
  const isAfter = after === undefined ? sql`true` : sql`user_id > ${after}::uuid`;
  const { rows } = await sql<StoredUser>`
    select ${USER} from ingest.users where tenant_id = ${tenantId} and ${isAfter}
    order by user_id limit ${limit}`.execute(db);
  return rows;
}

export async function findUser(
  db: Kysely<Database>,
  tenantId: string,
  userId: string,
): Promise<StoredUser | undefined> {
  const { rows } = await sql<StoredUser>`
    select ${USER} from ingest.users
    where tenant_id = ${tenantId} and user_id = ${userId}`.execute(db);
  return rows[0];
}

export async function findPasswordHash(
  db: Kysely<Database>,
  tenantId: string,
  userId: string,
): Promise<string | null> {
  const { rows } = await sql<{ hash: string | null }>`
    select password_hash as hash from ingest.users
    where tenant_id = ${tenantId} and user_id = ${userId}`.execute(db);
  return rows[0]?.hash ?? null;
}

export interface NewUser {
  readonly tenantId: string;
  /** Lower case. */
  readonly email: string;
  readonly role: Role;
  readonly passwordHash: string | null;
}

/** Undefined where somebody, of whatever tenant, signs in with the address already. */
export async function insertUser(
  trx: Transaction<Database>,
  { tenantId, email, role, passwordHash }: NewUser,
): Promise<StoredUser | undefined> {
  const { rows } = await sql<StoredUser>`
    insert into ingest.users (tenant_id, email, role, password_hash)
    values (${tenantId}, ${email}, ${role}, ${passwordHash})
    on conflict (email) do nothing returning ${USER}`.execute(trx);
  return rows[0];
}

export interface UserUpdate {
  readonly role: Role | undefined;
  readonly isDisabled: boolean | undefined;
  readonly passwordHash: string | undefined;
}

export async function updateUser(
  trx: Transaction<Database>,
  { tenantId, userId }: { readonly tenantId: string; readonly userId: string },
  { role, isDisabled, passwordHash }: UserUpdate,
): Promise<StoredUser | undefined> {
  const { rows } = await sql<StoredUser>`
    update ingest.users set
      role = coalesce(${role ?? null}, role),
      password_hash = coalesce(${passwordHash ?? null}, password_hash),
      disabled_at = case ${isDisabled ?? null}::boolean
        when true then coalesce(disabled_at, now()) when false then null else disabled_at end
    where tenant_id = ${tenantId} and user_id = ${userId} returning ${USER}`.execute(trx);
  return rows[0];
}

export async function deleteUser(
  trx: Transaction<Database>,
  tenantId: string,
  userId: string,
): Promise<void> {
  await sql`
    delete from ingest.users where tenant_id = ${tenantId} and user_id = ${userId}`.execute(trx);
}

/** Ask under the tenant's lock: two admins could remove each other at once. */
export async function countAdmins(trx: Transaction<Database>, tenantId: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from ingest.users
    where tenant_id = ${tenantId} and role = 'admin' and disabled_at is null`.execute(trx);
  return rows[0]?.count ?? 0;
}
