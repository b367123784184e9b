import type { Msg } from "@nats-io/transport-node";

/** A message of a durable consumer. Only settle-message.ts answers one. */
export interface PulledMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly stream: string;
  /** Its place in the stream. */
  readonly seq: number;
  /** From 1: how often the server has handed it out. */
  readonly deliveryCount: number;
  json(): unknown;
  header(name: string): string | undefined;
  ack(): void;
  /** Without a delay it comes back at once. */
  nak(delayMs?: number): void;
  term(reason: string): void;
  /** Still at it: the ack wait begins anew. */
  working(): void;
}

/**
 * Of `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream sequence>.…`; newer servers put a domain and
 * an account in front of the stream.
 */
const REPLY = /^\$JS\.ACK\.(?:[^.]+\.[^.]+\.(?=(?:[^.]+\.){7}))?([^.]+)\.[^.]+\.(\d+)\.(\d+)\./;
const NANOS_PER_MS = 1_000_000;

/**
 * The client's own message type needs a consumer of the client's; ours needs the message alone, and
 * reads of the reply subject what we use. Throws for a message of no consumer.
 */
export function pulledMessage(message: Msg): PulledMessage {
  const found = REPLY.exec(message.reply ?? "");
  if (found === null) throw new Error("a message that no JetStream consumer sent");
  const [, stream = "", deliveryCount, seq] = found;
  return {
    subject: message.subject,
    data: message.data,
    stream,
    seq: Number(seq),
    deliveryCount: Number(deliveryCount),
    json: () => message.json(),
    header: (name) => message.headers?.get(name),
    ack: () => void message.respond("+ACK"),
    nak: (delayMs) => {
      const delay = Math.round((delayMs ?? 0) * NANOS_PER_MS);
      message.respond(delay > 0 ? `-NAK {"delay":${delay}}` : "-NAK");
    },
    term: (reason) => void message.respond(`+TERM ${reason}`),
    working: () => void message.respond("+WPI"),
  };
}
