import { DeliverPolicy, jetstream, jetstreamManager } from "@nats-io/jetstream";

import type { Bus } from "./bus.ts";

/** Of a stored message. `text` is empty unless bodies were asked for. */
export interface SearchedMessage {
  readonly messageId: string;
  readonly text: string;
}

export interface MessageSearch {
  readonly stream: string;
  readonly subject: string;
  /** What was stored before is not looked at; null: everything. */
  readonly since: Date | null;
  /** Without them a message is a few hundred bytes on the wire. */
  readonly withBodies: boolean;
  readonly isWanted: (message: SearchedMessage) => boolean;
}

const PAGE = 1_000;
const PAGE_EXPIRES_MS = 5_000;

/**
 * Looks through a stream once, in order, and overwrites what is wanted: the server writes random
 * bytes over a message before it lets go of its place. Returns how many. Done again it finds what came
 * meanwhile, and nothing else.
 */
export async function eraseMessages(
  { connection }: Pick<Bus, "connection">,
  { stream, subject, since, withBodies, isWanted }: MessageSearch,
): Promise<number> {
  const consumer = await jetstream(connection).consumers.get(stream, {
    filter_subjects: subject,
    headers_only: !withBodies,
    ...(since === null
      ? {}
      : { deliver_policy: DeliverPolicy.StartTime, opt_start_time: since.toISOString() }),
  });
  const wanted: number[] = [];
  for (let left = (await consumer.info()).num_pending; left > 0;) {
    const page = await consumer.fetch({ max_messages: PAGE, expires: PAGE_EXPIRES_MS });
    let seen = 0;
    for await (const message of page) {
      seen += 1;
      left = message.info.pending;
      const messageId = message.headers?.get("Nats-Msg-Id") ?? "";
      const text = withBodies ? message.string() : "";
      if (isWanted({ messageId, text })) wanted.push(message.seq);
      // Whoever publishes meanwhile cannot keep us here: what comes now is a new search's.
      if (left === 0) break;
    }
    if (seen === 0) left = (await consumer.info()).num_pending;
  }
  await consumer.delete();
  const manager = await jetstreamManager(connection, { checkAPI: false });
  for (const seq of wanted) await manager.streams.deleteMessage(stream, seq, true);
  return wanted.length;
}
