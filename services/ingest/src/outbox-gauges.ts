import type { Database } from "@valify/database";
import { type Logger, type Metrics, startPeriodic } from "@valify/runtime";
import { type Kysely, sql } from "kysely";

const EVERY_MS = 15_000;

export interface OutboxGaugesDeps {
  readonly db: Kysely<Database>;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/**
 * Shows what was committed and not yet published, now and every 15 s. Every replica shows the same,
 * so take the maximum over them. Dispose it to stop.
 */
export async function startOutboxGauges({
  db,
  log,
  metrics,
}: OutboxGaugesDeps): Promise<AsyncDisposable> {
  const rows = metrics.gauge("valify_outbox_unpublished_rows", "Events still to be published", []);
  const age = metrics.gauge(
    "valify_outbox_oldest_age_seconds",
    "Since the oldest of them was committed",
    [],
  );

  async function look(): Promise<void> {
    const outbox = await readOutbox(db);
    rows.set(outbox.count);
    age.set(outbox.oldestAgeSeconds);
  }

  const event = "outbox.not_read";
  await look().catch((error: unknown) => log.warn({ err: error }, event));
  return startPeriodic(look, { intervalMs: EVERY_MS, event, log });
}

/** The table is empty but for a moment, or for as long as the broker is away. */
async function readOutbox(db: Kysely<Database>) {
  const { rows } = await sql<{ count: number; oldestAgeSeconds: number }>`
    select count(*)::float8 as count,
      coalesce(extract(epoch from clock_timestamp() - min(created_at)), 0)::float8
        as "oldestAgeSeconds"
    from ingest.outbox`.execute(db);
  return rows[0] ?? { count: 0, oldestAgeSeconds: 0 };
}
