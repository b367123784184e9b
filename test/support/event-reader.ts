import assert from "node:assert/strict";

import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import type { EventContract, StreamName } from "@valify/contracts";

export interface StoredEvent<Event> {
  readonly event: Event;
  readonly headers: Readonly<Record<string, string>>;
  readonly rawBody: string;
  /** When the stream took it, by the clock of this machine. */
  readonly storedAtMs: number;
}

const NANOS_PER_MS = 1e6;
const FETCH_MAX = 5_000;
const FETCH_EXPIRES_MS = 2_000;

/** How many messages a subject, or a pattern of subjects, has in its stream. */
export async function countEvents(
  natsUrl: string,
  { stream, subject }: { readonly stream: string; readonly subject: string },
): Promise<number> {
  await using connection = await open(natsUrl);
  const manager = await jetstreamManager(connection.nats);
  const info = await manager.streams.info(stream, { subjects_filter: subject });
  return Object.values(info.state.subjects ?? {}).reduce((sum, count) => sum + count, 0);
}

/** Those of which the streams hold a message. */
export async function subjectsOf(
  natsUrl: string,
  streams: readonly StreamName[],
): Promise<readonly string[]> {
  await using connection = await open(natsUrl);
  const manager = await jetstreamManager(connection.nats);
  const infos = streams.map((stream) => manager.streams.info(stream, { subjects_filter: ">" }));
  const states = (await Promise.all(infos)).map(({ state }) => state);
  return states.flatMap(({ subjects }) => Object.keys(subjects ?? {}));
}

/**
 * Everything a subject has in its stream, in order and up to a limit, parsed by its contract. A
 * publisher holds only the first event of a list against it: here each is, and what it does not name
 * is an error.
 */
export async function readEvents<Event extends object>(
  natsUrl: string,
  contract: EventContract<Event>,
  limit = Infinity,
): Promise<StoredEvent<Event>[]> {
  const count = Math.min(await countEvents(natsUrl, contract), limit);
  await using connection = await open(natsUrl);
  const consumer = await jetstream(connection.nats).consumers.get(contract.stream, {
    filter_subjects: contract.subject,
  });
  const events: StoredEvent<Event>[] = [];
  while (events.length < count) {
    const messages = await consumer.fetch({
      max_messages: Math.min(FETCH_MAX, count - events.length),
      expires: FETCH_EXPIRES_MS,
    });
    for await (const message of messages) {
      const event = contract.schema.parse(message.json());
      assert.deepEqual(event, message.json(), `${contract.subject} says more than its contract`);
      events.push({
        event,
        headers: Object.fromEntries(
          message.headers?.keys().map((key) => [key, message.headers?.get(key) ?? ""]) ?? [],
        ),
        rawBody: message.string(),
        storedAtMs: message.info.timestampNanos / NANOS_PER_MS,
      });
    }
  }
  return events;
}

async function open(natsUrl: string) {
  const nats = await connect({ servers: natsUrl });
  return { nats, [Symbol.asyncDispose]: () => nats.close() };
}
