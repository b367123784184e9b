import { type JetStreamClient, jetstream } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { batchIdOfUuid, WakeUpKind, webhookRetry } from "@valify/contracts";
import type { Pool } from "pg";

/** Wake-ups 0, 1, 2 … of one made-up tenant: their ids and instants follow from the number. */
export interface WakeUps {
  /** Tells several lots on one stream apart: 0 to 999. */
  readonly lot: number;
  /** Milliseconds since 1970, whole. */
  readonly firstDueMs: number;
  /** Number n is due `n * spacingMs` later, rounded up to a millisecond. */
  readonly spacingMs: number;
  /** Every so manieth comes as a message instead of a row; 0: none does. */
  readonly messageEvery: number;
}

const TENANT = "5f0c6a52-6a7e-4a51-9a3e-0d7a1b2c3d4e";
const BATCH = "018f3b1e-0000-7000-8000-000000000001";
const ID_PREFIX = "00000000-0000-4000-8";
const ROWS_PER_STATEMENT = 50_000;
const LANES = 16;
const NATS_TIMEOUT_MS = 2_000;

const prefixOf = ({ lot }: WakeUps) => `${ID_PREFIX}${String(lot).padStart(3, "0")}-`;

function idOfWakeUp(wakeUps: WakeUps, number: number): string {
  return prefixOf(wakeUps) + number.toString(16).padStart(12, "0");
}

/** Whose it is: a number of this lot, another lot's, or nobody's. */
export function recognise(wakeUps: WakeUps, id: string): number | "other" | "unknown" {
  const prefix = prefixOf(wakeUps);
  if (id.startsWith(prefix)) return Number.parseInt(id.slice(prefix.length), 16);
  return id.startsWith(ID_PREFIX) ? "other" : "unknown";
}

export function dueMsOf({ firstDueMs, spacingMs }: WakeUps, number: number): number {
  return firstDueMs + Math.ceil(number * spacingMs);
}

/** The database's clock, in milliseconds since 1970. */
export async function databaseNowMs(db: Pool): Promise<number> {
  const { rows } = await db.query<{ nowMs: number }>(
    `select (extract(epoch from clock_timestamp()) * 1000)::float8 as "nowMs"`,
  );
  return Math.ceil(rows[0]?.nowMs ?? Number.NaN);
}

/** Stores wake-ups `from` to `to - 1`, as the scheduler would have a while ago. */
export async function insertWakeUps(
  db: Pool,
  wakeUps: WakeUps,
  [from, to]: readonly [number, number],
): Promise<void> {
  for (let first = from; first < to; first += ROWS_PER_STATEMENT) {
    await db.query(
      `insert into scheduling.due (due_at, id, tenant_id, batch_id, round, lane, kind)
       select to_timestamp(($3::float8 + ceil(n * $4::float8)) / 1000),
         ($5 || lpad(to_hex(n), 12, '0'))::uuid, $6, $7, 0, n % $8, 0
       from generate_series($1::int, $2::int) as n
       where $9 = 0 or n % $9 <> 0 order by n % $8, n`,
      [
        first,
        Math.min(to, first + ROWS_PER_STATEMENT) - 1,
        wakeUps.firstDueMs,
        wakeUps.spacingMs,
        prefixOf(wakeUps),
        TENANT,
        BATCH,
        LANES,
        wakeUps.messageEvery,
      ],
    );
  }
}

/** Publishes them as `webhook.retry`. Rejects where NATS has not stored every one: do it again. */
export async function publishWakeUps(
  natsUrl: string,
  wakeUps: WakeUps,
  numbers: readonly number[],
): Promise<void> {
  const connection = await connect({ servers: natsUrl, timeout: NATS_TIMEOUT_MS });
  try {
    const client = jetstream(connection, { timeout: NATS_TIMEOUT_MS });
    await Promise.all(numbers.map((number) => publishOne(client, wakeUps, number)));
  } finally {
    await connection.close();
  }
}

async function publishOne(client: JetStreamClient, wakeUps: WakeUps, number: number) {
  const event = {
    id: idOfWakeUp(wakeUps, number),
    kind: WakeUpKind.retry,
    round: 1,
    tenant_id: TENANT,
    batch_id: batchIdOfUuid(BATCH),
    not_before: new Date(dueMsOf(wakeUps, number)).toISOString(),
  };
  const msgID = webhookRetry.eventId(event);
  await client.publish(webhookRetry.subject, JSON.stringify(event), { msgID });
}
