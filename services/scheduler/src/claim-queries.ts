import type { Connection, ConnectionPool } from "@valify/database";

import {
  type Claim,
  CLAIM_PAST_SETTINGS,
  claimPastStatement,
  claimStatement,
  probeStatement,
  type Statement,
} from "./claim-statement.ts";
import type { ClockReading } from "./domain/database-clock.ts";
import type { DueRow } from "./due-queries.ts";

/** Its connections have the settings of claim-statement.ts. */
export type ClaimPool = ConnectionPool;

type Queryable = Pick<Connection, "query">;
type ClaimedColumns = [string, string, string, number, number, number, number, number, boolean];

const isPastHerd = (claim: Claim) => claim.withoutTenants.length > 0;

/** Begins the transaction of a claim. False: another replica is just reading past the herd. */
export async function beginClaim(client: Queryable, claim: Claim): Promise<boolean> {
  if (!isPastHerd(claim)) {
    await client.query("begin");
    return true;
  }
  await client.query(`begin; ${CLAIM_PAST_SETTINGS}`);
  // It reads past a whole herd: once, not once for each replica.
  return lockOthers(client);
}

/** The claim, after {@link beginClaim}. `reading` is undefined without rows. */
export async function claimDueRows(client: Queryable, claim: Claim) {
  const sentMs = performance.now();
  const statement = isPastHerd(claim) ? claimPastStatement(claim) : claimStatement(claim);
  const rows = await ask<ClaimedColumns>(client, statement);
  const receivedMs = performance.now();
  const last = rows.at(-1);
  const reading = last === undefined ? undefined : { databaseUs: last[7], sentMs, receivedMs };
  return { rows: rows.map(toDueRow), reading };
}

function toDueRow(columns: ClaimedColumns): DueRow {
  const [id, tenantId, batchId, round, lane, kind, dueUs, , cancelled] = columns;
  return { id, tenantId, batchId, round, lane, kind, dueUs, cancelled };
}

/** Any fixed number: one replica at a time looks past a herd. */
const OTHERS_LOCK = 7_205_005;

/** Until the transaction ends; false: another replica has it. */
async function lockOthers(client: Queryable): Promise<boolean> {
  const [row] = await ask<[boolean]>(client, {
    text: `select pg_try_advisory_xact_lock(${OTHERS_LOCK})`,
    name: "lock_others",
    values: [],
    rowMode: "array",
  });
  return row?.[0] === true;
}

/** Whether anything is due, and the time. */
export async function probeLeaf(client: Queryable, probe: Parameters<typeof probeStatement>[0]) {
  const sentMs = performance.now();
  const [row] = await ask<[boolean, number]>(client, probeStatement(probe));
  if (row === undefined) throw new Error("Postgres did not answer a probe");
  const [found, databaseUs] = row;
  return { found, reading: { databaseUs, sentMs, receivedMs: performance.now() } };
}

export async function readClock(client: Queryable): Promise<ClockReading> {
  const sentMs = performance.now();
  const [row] = await ask<[number]>(client, {
    text: "select (extract(epoch from clock_timestamp()) * 1000000)::bigint",
    name: "clock",
    values: [],
    rowMode: "array",
  });
  if (row === undefined) throw new Error("Postgres did not tell the time");
  return { databaseUs: row[0], sentMs, receivedMs: performance.now() };
}

/** Puts back what was claimed in this transaction and not published, to the microsecond. */
export async function putBackRows(client: Queryable, rows: readonly DueRow[]): Promise<void> {
  await client.query({
    text: `
      insert into scheduling.due (due_at, id, tenant_id, batch_id, round, lane, kind)
      select 'epoch'::timestamptz + u.due_us * interval '1 microsecond',
        u.id, u.tenant_id, u.batch_id, u.round, u.lane, u.kind
      from unnest($1::bigint[], $2::uuid[], $3::uuid[], $4::uuid[], $5::int[], $6::smallint[],
        $7::smallint[]) as u (due_us, id, tenant_id, batch_id, round, lane, kind)
      on conflict do nothing`,
    values: [
      rows.map((row) => row.dueUs),
      rows.map((row) => row.id),
      rows.map((row) => row.tenantId),
      rows.map((row) => row.batchId),
      rows.map((row) => row.round),
      rows.map((row) => row.lane),
      rows.map((row) => row.kind),
    ],
  });
}

/** Where in the stream a claim's last message lies. */
export interface PublishMark {
  readonly streamSeq: number;
  readonly messageId: string;
}

/** A uuid, a number and our own suffix: nothing to quote. */
const MESSAGE_ID = /^[0-9a-f-]+:\d+:[a-z.]+$/;

/** The mark and the COMMIT go in one message, which takes no parameters. */
export async function commitClaim(client: Queryable, mark: PublishMark | undefined): Promise<void> {
  if (mark === undefined) {
    await client.query("commit");
    return;
  }
  const { streamSeq, messageId } = mark;
  if (!Number.isSafeInteger(streamSeq) || !MESSAGE_ID.test(messageId)) {
    throw new Error("not a publish mark");
  }
  await client.query(
    `insert into scheduling.publish_mark (stream_seq, msg_id)
     values (${streamSeq}, '${messageId}'); commit`,
  );
}

async function ask<Row extends unknown[]>(client: Queryable, statement: Statement) {
  const { rows } = await client.query<Row>(statement);
  return rows;
}
