import type { Database } from "@valify/database";
import { type Kysely, sql } from "kysely";

export type NotificationChannel = "email" | "webhook";

/** By primary key. */
export async function isNotified(
  db: Kysely<Database>,
  eventId: string,
  channel: NotificationChannel,
): Promise<boolean> {
  const { rows } = await sql`
    select from ingest.notifications
    where event_id = ${eventId} and channel = ${channel}`.execute(db);
  return rows.length > 0;
}

export async function markNotified(
  db: Kysely<Database>,
  notification: {
    readonly eventId: string;
    readonly channel: NotificationChannel;
    readonly tenantId: string;
  },
): Promise<void> {
  const { eventId: event_id, channel, tenantId: tenant_id } = notification;
  await db
    .insertInto("ingest.notifications")
    .values({ event_id, channel, tenant_id })
    .onConflict((conflict) => conflict.columns(["event_id", "channel"]).doNothing())
    .execute();
}

/** The people who can do something about it, along the index users_of_tenant. */
export async function findAdminAddresses(
  db: Kysely<Database>,
  tenantId: string,
): Promise<readonly string[]> {
  const users = await db
    .selectFrom("ingest.users")
    .select("email")
    .where("tenant_id", "=", tenantId)
    .where("role", "=", "admin")
    .where("disabled_at", "is", null)
    .orderBy("email")
    .limit(50)
    .execute();
  return users.map(({ email }) => email);
}

export async function deleteOldNotifications(db: Kysely<Database>, before: Date): Promise<number> {
  const { numAffectedRows = 0n } = await sql`
    delete from ingest.notifications where sent_at < ${before}`.execute(db);
  return Number(numAffectedRows);
}
