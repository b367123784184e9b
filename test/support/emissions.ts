import { type ConsumerMessages, jetstream } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { webhookDue } from "@valify/contracts";

import { countEvents } from "./event-reader.ts";
import { dueMsOf, recognise, type WakeUps } from "./wake-ups.ts";

/** What the stream holds of `webhook.due`, against what was scheduled. */
export interface EmissionReport {
  readonly emitted: number;
  /** Scheduled and never emitted. */
  readonly missing: number;
  /** Second and further messages of one wake-up. */
  readonly doubled: number;
  /** Emitted and never scheduled. */
  readonly unknown: number;
  /** Stored by the broker before their instant. Broker, database and test share one clock. */
  readonly early: number;
  /** Milliseconds late, of each emission of a wake-up. */
  readonly latenessMs: readonly number[];
}

const NANOS_PER_MS = 1e6;
const IDLE_MS = 10_000;

/** Reads the whole stream and keeps the books of wake-ups 0 to `count - 1` of a lot. */
export async function checkEmissions(
  natsUrl: string,
  wakeUps: WakeUps,
  count: number,
): Promise<EmissionReport> {
  const total = await countEvents(natsUrl, webhookDue);
  const seen = new Uint8Array(count);
  const report = { emitted: 0, doubled: 0, unknown: 0, early: 0 };
  const latenessMs: number[] = [];
  await eachMessage(natsUrl, total, (id, storedAtMs) => {
    const number = recognise(wakeUps, id);
    if (number === "other") return;
    report.emitted += 1;
    if (number === "unknown" || number >= count) {
      report.unknown += 1;
      return;
    }
    if (seen[number] === 1) report.doubled += 1;
    seen[number] = 1;
    const lateMs = storedAtMs - dueMsOf(wakeUps, number);
    if (lateMs < 0) report.early += 1;
    latenessMs.push(lateMs);
  });
  const missing = seen.reduce((sum, flag) => sum + (flag === 0 ? 1 : 0), 0);
  return { ...report, missing, latenessMs };
}

async function eachMessage(
  natsUrl: string,
  total: number,
  onMessage: (id: string, storedAtMs: number) => void,
): Promise<void> {
  if (total === 0) return;
  const connection = await connect({ servers: natsUrl });
  let messages: ConsumerMessages | undefined;
  // Ends a read that the server leaves hanging: the caller then sees what is missing.
  let idle: NodeJS.Timeout | undefined;
  try {
    const consumer = await jetstream(connection).consumers.get(webhookDue.stream, {
      filter_subjects: webhookDue.subject,
    });
    messages = await consumer.consume({ max_messages: 5_000 });
    idle = setTimeout(() => void messages?.close(), IDLE_MS);
    let count = 0;
    for await (const message of messages) {
      idle.refresh();
      onMessage(message.json<{ id: string }>().id, message.info.timestampNanos / NANOS_PER_MS);
      count += 1;
      if (count === total) break;
    }
  } finally {
    clearTimeout(idle);
    await messages?.close();
    await connection.close();
  }
}
