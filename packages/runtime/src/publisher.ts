import type { NatsConnection } from "@nats-io/transport-node";
import type { EventContract } from "@valify/contracts";

import { type AckTable, createAckTable, type PublishAck } from "./ack-table.ts";
import { createByteSlab } from "./byte-slab.ts";
import { createEventEncoder } from "./event-encoder.ts";
import { createHeaderBlock, headerLine } from "./header-block.ts";

export type { PublishAck } from "./ack-table.ts";

export interface OutboundMessage {
  readonly subject: string;
  /** `Nats-Msg-Id`. */
  readonly messageId: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly payload: string | Uint8Array;
}

/** How one event of several ended, by its place among them. */
export interface PublishListener {
  readonly acked: (index: number, ack: PublishAck) => void;
  /** Try again, the same event: maybe it is stored. */
  readonly failed: (index: number, error: Error) => void;
}

export interface Publisher {
  /** Resolves once the stream has stored it. Rejects after the time-out: try again, same event. */
  publish<Event extends object>(contract: EventContract<Event>, event: Event): Promise<PublishAck>;
  /**
   * All of them, pipelined. Rejects if any failed; repeating all is safe. Events of one making: only
   * the first is held against the contract.
   */
  publishAll<Event extends object>(
    contract: EventContract<Event>,
    events: readonly Event[],
  ): Promise<readonly PublishAck[]>;
  /** As `publishAll`, where the end of each matters: the listener hears of each, once. */
  publishEach<Event extends object>(
    contract: EventContract<Event>,
    events: readonly Event[],
    listener: PublishListener,
  ): void;
  publishMessage(message: OutboundMessage): Promise<PublishAck>;
}

export interface PublisherOptions {
  readonly connection: NatsConnection;
  readonly source: string;
  readonly ackTimeoutMs?: number;
}

const ACK_TIMEOUT_MS = 5_000;

/**
 * Publishes to JetStream through one reply subject of its own. The client's own publish makes a
 * subscription slot, a timer and a promise race per message and reaches less than half the rate;
 * see docs/adr/0001-nats-client-and-publisher.md. What a message costs: docs/adr/0054-*.md.
 */
export function createPublisher(options: PublisherOptions): Publisher {
  const { connection, source } = options;
  const table = createAckTable({
    connection,
    inboxPrefix: `_INBOX_${source.split("/").at(-1) ?? "publisher"}`,
    ackTimeoutMs: options.ackTimeoutMs ?? ACK_TIMEOUT_MS,
  });
  const encode = createByteSlab();
  const headerBlock = createHeaderBlock(encode);
  const encodeEvent = createEventEncoder(source);

  function sendEvent<Event extends object>(
    contract: EventContract<Event>,
    event: Event,
    reply: string,
  ): void {
    const { subject, headerLines, payload } = encodeEvent(contract, event);
    connection.publish(subject, encode(payload), { reply, headers: headerBlock(headerLines) });
  }

  const publishEach: Publisher["publishEach"] = (contract, events, listener) => {
    // The same code has made them all: the first stands for the others.
    const flaw = events.length === 0 ? undefined : contract.schema.safeParse(events[0]).error;
    table.add({
      size: events.length,
      send(index, reply) {
        const event = events[index];
        if (flaw !== undefined) throw flaw;
        if (event === undefined) throw new Error("the list of events became shorter");
        sendEvent(contract, event, reply);
      },
      ...listener,
    });
  };

  return {
    // Async, so that an event that is not one rejects like every other failure.
    async publish(contract, event) {
      const checked = contract.schema.parse(event);
      return sendOne(table, (reply) => sendEvent(contract, checked, reply));
    },
    publishEach,
    publishAll: (contract, events) =>
      allOf(events.length, (listener) => publishEach(contract, events, listener)),
    async publishMessage({ subject, messageId, headers, payload }) {
      const lines = Object.entries({ "Nats-Msg-Id": messageId, ...headers });
      const block = lines.map(([name, value]) => headerLine(name, value)).join("");
      return sendOne(table, (reply) =>
        connection.publish(subject, payload, { reply, headers: headerBlock(block) }),
      );
    },
  };
}

/** One message: resolves or rejects as it ends. */
function sendOne(table: AckTable, send: (reply: string) => void): Promise<PublishAck> {
  return new Promise((resolve, reject) => {
    table.add({
      size: 1,
      send: (_index, reply) => send(reply),
      acked: (_index, ack) => resolve(ack),
      failed: (_index, error) => reject(error),
    });
  });
}

/** One promise for all of them. */
function allOf(
  size: number,
  start: (listener: PublishListener) => void,
): Promise<readonly PublishAck[]> {
  return new Promise((resolve, reject) => {
    const acks: PublishAck[] = [];
    let left = size;
    if (left === 0) resolve(acks);
    start({
      acked(index, ack) {
        acks[index] = ack;
        left -= 1;
        if (left === 0) resolve(acks);
      },
      failed: (_index, error) => reject(error),
    });
  });
}
