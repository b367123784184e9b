import type { Role } from "@valify/contracts/api";
import type { Database } from "@valify/database";
import { sql, type Transaction } from "kysely";

export interface SignInUser {
  readonly tenantId: string;
  readonly userId: string;
  readonly email: string;
  readonly role: Role;
  readonly passwordHash: string | null;
  readonly isDisabled: boolean;
}

const SIGN_IN_USER = sql`
  tenant_id as "tenantId", user_id as "userId", email, role, password_hash as "passwordHash",
  disabled_at is not null as "isDisabled"`;

/** Along the unique index of email. As system: whose tenant it is nobody knows yet. */
export async function findUserByEmail(
  trx: Transaction<Database>,
  email: string,
): Promise<SignInUser | undefined> {
  const { rows } = await sql<SignInUser>`
    select ${SIGN_IN_USER} from ingest.users where email = ${email}`.execute(trx);
  return rows[0];
}

export interface AttemptCount {
  readonly attempts: number;
  readonly retryAfterSeconds: number;
}

/** Counts one more, in a window that begins with the first. The row's lock makes racers queue. */
export async function countAttempt(
  trx: Transaction<Database>,
  bucket: Buffer,
  windowMs: number,
): Promise<AttemptCount> {
  const window = sql`${windowMs} * interval '1 millisecond'`;
  const { rows } = await sql<AttemptCount>`
    insert into ingest.sign_in_attempts as a (bucket, attempts, started_at)
    values (${bucket}, 1, now())
    on conflict (bucket) do update set
      attempts = case when a.started_at < now() - ${window} then 1 else a.attempts + 1 end,
      started_at = case when a.started_at < now() - ${window} then now() else a.started_at end
    returning attempts,
      ceil(extract(epoch from started_at + ${window} - now()))::int as "retryAfterSeconds"
  `.execute(trx);
  if (rows[0] === undefined) throw new Error("an upsert returned no row");
  return rows[0];
}

export async function forgetAttempts(
  trx: Transaction<Database>,
  buckets: readonly Buffer[],
): Promise<void> {
  await trx.deleteFrom("ingest.sign_in_attempts").where("bucket", "in", buckets).execute();
}

/** A scan of what a day of guessing leaves at most. Returns how many there were. */
export async function deleteOldAttempts(
  trx: Transaction<Database>,
  olderThanMs: number,
): Promise<number> {
  const { numAffectedRows = 0n } = await sql`
    delete from ingest.sign_in_attempts
    where started_at < now() - ${olderThanMs} * interval '1 millisecond'`.execute(trx);
  return Number(numAffectedRows);
}
