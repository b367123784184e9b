import type { Connection } from "@valify/database";

import type { PublishMark } from "./claim-queries.ts";
import type { DueRow } from "./due-queries.ts";

type Client = Pick<Connection, "query">;

/** A mark and when it was set. */
export interface StoredMark extends PublishMark {
  readonly at: Date;
}

/** Any fixed number: one replica at a time looks and mends, the others wait for it. */
const LEDGER_LOCK = 7_205_004;

export async function lockLedger(client: Client): Promise<void> {
  await client.query(`select pg_advisory_xact_lock(${LEDGER_LOCK})`);
}

/** Claims overlap: the mark furthest in the stream need not be the last that was set. */
const OVERLAP_SECONDS = 10;

export async function newestMark(client: Client): Promise<StoredMark | undefined> {
  const { rows } = await client.query<StoredMark>(`
    select at, stream_seq as "streamSeq", msg_id as "messageId" from scheduling.publish_mark
    where at >= (select max(at) from scheduling.publish_mark) - interval '${OVERLAP_SECONDS} seconds'
    order by stream_seq desc limit 1`);
  return rows[0];
}

/** The n-th last mark, from 0. */
export async function markBefore(client: Client, n: number): Promise<StoredMark | undefined> {
  const { rows } = await client.query<StoredMark>(
    `select at, stream_seq as "streamSeq", msg_id as "messageId" from scheduling.publish_mark
     order by at desc offset $1 limit 1`,
    [n],
  );
  return rows[0];
}

/** Forgets the marks that a broker has lost, and sets one where the repeat ended. */
export async function replaceMarks(client: Client, after: Date, mark: PublishMark | undefined) {
  await client.query("delete from scheduling.publish_mark where at > $1", [after]);
  if (mark === undefined) return;
  await client.query("insert into scheduling.publish_mark (stream_seq, msg_id) values ($1, $2)", [
    mark.streamSeq,
    mark.messageId,
  ]);
}

const ROWS_PER_FETCH = 1_000;

/**
 * What was claimed from this instant on and is due by now, in pages, in the order of the ledger. In
 * a transaction: a cursor, since two minutes at full rate are more than we want in memory. What was
 * claimed and given back is in it as well; it is due, so sending it is right.
 */
export async function* readLedger(client: Client, from: Date): AsyncGenerator<readonly DueRow[]> {
  await client.query(
    `declare ledger no scroll cursor for
     select id, tenant_id as "tenantId", batch_id as "batchId", round, lane, kind,
       (extract(epoch from due_at) * 1000000)::bigint as "dueUs", false as cancelled
     from scheduling.emitted as e
     where emitted_at >= $1 and due_at <= clock_timestamp()
       and not exists (
         select 1 from scheduling.cancelled_batch as c where c.batch_id = e.batch_id)`,
    [from],
  );
  for (;;) {
    const { rows } = await client.query<DueRow>(`fetch ${ROWS_PER_FETCH} from ledger`);
    if (rows.length === 0) return;
    yield rows;
  }
}
