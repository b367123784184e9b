import { type WebhookDue, webhookDue } from "@valify/contracts";
import type { Connection } from "@valify/database";
import type { Logger } from "@valify/runtime";

import type { ClaimPool, PublishMark } from "./claim-queries.ts";
import { type PublishAck, toEvent } from "./emitter.ts";
import {
  lockLedger,
  markBefore,
  newestMark,
  readLedger,
  replaceMarks,
  type StoredMark,
} from "./ledger-queries.ts";

/** Knows whether the broker is the one that our marks are about. */
export interface BrokerGuard {
  /** Changes when the broker we talk to is another, or has been started again. */
  brokerId(): string;
  /** Resolves at once for a broker known to hold what we published; else looks, and mends. */
  settle(): Promise<void>;
}

export interface BrokerGuardDeps {
  readonly pool: ClaimPool;
  readonly brokerId: () => string;
  /** The message id at this place of the stream, or undefined. */
  readonly messageIdAt: (seq: number) => Promise<string | undefined>;
  readonly publish: (event: WebhookDue) => Promise<PublishAck>;
  readonly log: Logger;
}

/**
 * A claim enters its rows in the ledger up to this long before its mark is set: the look-ahead, the
 * acknowledgement's deadline, and as much again.
 */
const HOLD_MS = 10_000;

/**
 * The broker acknowledges what it has not yet written to disk. One that comes back after a power
 * failure, or from a copy, has lost its last minutes and does not know it. We do: the stream no
 * longer holds our last mark. Then everything in the ledger from the last mark that it does hold is
 * published again, under the same message ids, before anything new.
 */
export function createBrokerGuard(deps: BrokerGuardDeps): BrokerGuard {
  let settledId: string | undefined;
  let settling: Promise<void> | undefined;

  async function settle(): Promise<void> {
    const id = deps.brokerId();
    if (id === settledId) return;
    await inTransaction(deps.pool, (client) => mend(client, deps));
    settledId = id;
  }

  return {
    brokerId: deps.brokerId,
    settle() {
      settling ??= settle().finally(() => (settling = undefined));
      return settling;
    },
  };
}

async function mend(client: Connection, deps: BrokerGuardDeps): Promise<void> {
  await lockLedger(client);
  const newest = await newestMark(client);
  if (newest === undefined || (await isHeld(newest, deps))) return;
  const intact = await lastHeldMark(client, deps);
  const from = new Date((intact?.at.getTime() ?? HOLD_MS) - HOLD_MS);
  deps.log.error({ from, lostSeq: newest.streamSeq }, "broker.lost_messages");
  const { rows, stored, mark } = await replay(client, from, deps);
  await replaceMarks(client, intact?.at ?? new Date(0), mark);
  deps.log.warn({ rows, stored }, "broker.messages_replayed");
}

async function isHeld(mark: StoredMark, { messageIdAt }: BrokerGuardDeps): Promise<boolean> {
  return (await messageIdAt(mark.streamSeq)) === mark.messageId;
}

/** Looks back in doubling steps: going back too far only repeats what the stream drops. */
async function lastHeldMark(client: Connection, deps: BrokerGuardDeps) {
  for (let n = 1; ; n *= 2) {
    const mark = await markBefore(client, n);
    if (mark === undefined || (await isHeld(mark, deps))) return mark;
  }
}

async function replay(client: Connection, from: Date, { publish }: BrokerGuardDeps) {
  let count = 0;
  let stored = 0;
  let mark: PublishMark | undefined;
  for await (const rows of readLedger(client, from)) {
    const acks = await Promise.all(
      rows.map(async (row) => {
        const event = toEvent(row);
        return { ...(await publish(event)), messageId: webhookDue.eventId(event) };
      }),
    );
    count += rows.length;
    stored += acks.filter(({ duplicate }) => !duplicate).length;
    for (const { seq, messageId } of acks) {
      if (seq > (mark?.streamSeq ?? 0)) mark = { streamSeq: seq, messageId };
    }
  }
  return { rows: count, stored, mark };
}

async function inTransaction(pool: ClaimPool, work: (client: Connection) => Promise<void>) {
  const client = await pool.connect();
  try {
    await client.query("begin");
    await work(client);
    await client.query("commit");
    client.release();
  } catch (error) {
    // A connection that goes takes its transaction with it.
    client.release(true);
    throw error;
  }
}
