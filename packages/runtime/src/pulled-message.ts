import type { Msg } from "@nats-io/transport-node";

const REPLY_START = "$JS.ACK.";
/**
 * Of `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream sequence>.…`; newer servers put a domain and
 * an account in front of the stream.
 */
const REPLY = /^\$JS\.ACK\.(?:[^.]+\.[^.]+\.(?=(?:[^.]+\.){7}))?([^.]+)\.[^.]+\.(\d+)\.(\d+)\./;
const NANOS_PER_MS = 1_000_000;
const ACK = Buffer.from("+ACK");

/** Whether this came from a durable consumer; what else a pull brings is the server's word on it. */
export function isFromConsumer(message: Msg): boolean {
  return message.reply?.startsWith(REPLY_START) === true;
}

/**
 * A message of a durable consumer. Only settle-message.ts answers one.
 *
 * The client's own message type needs a consumer of the client's; ours needs the message alone. It is
 * a class, and reads of the reply subject only what is asked for, since there are thousands a second
 * and most are decoded, handled and acknowledged without a look at where they lay.
 */
export class PulledMessage {
  readonly #message: Msg;

  constructor(message: Msg) {
    this.#message = message;
  }

  get subject(): string {
    return this.#message.subject;
  }

  get data(): Uint8Array {
    return this.#message.data;
  }

  get stream(): string {
    return this.#partOfReply(1);
  }

  /** Its place in the stream. */
  get seq(): number {
    return Number(this.#partOfReply(3));
  }

  /** From 1: how often the server has handed it out. */
  get deliveryCount(): number {
    return Number(this.#partOfReply(2));
  }

  /** Throws for what is no JSON. */
  json(): unknown {
    const { data } = this.#message;
    return JSON.parse(Buffer.isBuffer(data) ? data.toString() : this.#message.string());
  }

  header(name: string): string | undefined {
    return this.#message.headers?.get(name);
  }

  ack(): void {
    this.#message.respond(ACK);
  }

  /** Without a delay it comes back at once. */
  nak(delayMs = 0): void {
    const delay = Math.round(delayMs * NANOS_PER_MS);
    this.#message.respond(delay > 0 ? `-NAK {"delay":${delay}}` : "-NAK");
  }

  term(reason: string): void {
    this.#message.respond(`+TERM ${reason}`);
  }

  /** Still at it: the ack wait begins anew. */
  working(): void {
    this.#message.respond("+WPI");
  }

  #partOfReply(index: number): string {
    const part = REPLY.exec(this.#message.reply ?? "")?.[index];
    if (part === undefined) throw new Error("a message that no JetStream consumer sent");
    return part;
  }
}
