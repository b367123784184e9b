import { randomBytes } from "node:crypto";

import { createInbox, type Msg, type NatsConnection } from "@nats-io/transport-node";
import type { EventContract } from "@valify/contracts";

import { headerBlock, headerLine } from "./header-block.ts";
import { createSpanIds, traceparentOf } from "./trace-context.ts";

/** The server's word that the message is stored. */
export interface PublishAck {
  readonly stream: string;
  readonly seq: number;
  /** The stream held this message id already; as good as stored. */
  readonly duplicate: boolean;
}

export interface OutboundMessage {
  readonly subject: string;
  /** `Nats-Msg-Id`. */
  readonly messageId: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly payload: string | Uint8Array;
}

export interface Publisher {
  /** Resolves once the stream has stored it. Rejects after the time-out: try again, same event. */
  publish<Event extends object>(contract: EventContract<Event>, event: Event): Promise<PublishAck>;
  /** All of them, pipelined. Rejects if any failed; repeating all is safe. */
  publishAll<Event extends object>(
    contract: EventContract<Event>,
    events: readonly Event[],
  ): Promise<readonly PublishAck[]>;
  publishMessage(message: OutboundMessage): Promise<PublishAck>;
}

export interface PublisherOptions {
  readonly connection: NatsConnection;
  readonly source: string;
  readonly ackTimeoutMs?: number;
}

/** Far below the 10,000 queued messages at which a stream refuses more. */
const IN_FLIGHT_MAX = 1_000;
const ACK_TIMEOUT_MS = 5_000;
const SWEEP_INTERVAL_MS = 250;

interface EncodedMessage {
  readonly subject: string;
  readonly headerLines: string;
  readonly payload: string | Uint8Array;
}

interface Pending {
  readonly resolve: (ack: PublishAck) => void;
  readonly reject: (error: Error) => void;
  readonly deadlineMs: number;
}

/**
 * Publishes to JetStream through one reply subject of its own. The client's own publish makes a
 * subscription slot, a timer and a promise race per message and reaches less than half the rate;
 * see docs/adr/0001-nats-client-and-publisher.md.
 */
export function createPublisher(options: PublisherOptions): Publisher {
  const { connection, source } = options;
  const acks = createAckTable(connection, source, options.ackTimeoutMs ?? ACK_TIMEOUT_MS);

  async function send({ subject, headerLines, payload }: EncodedMessage): Promise<PublishAck> {
    const header = headerBlock(headerLines);
    return acks.send((reply) => connection.publish(subject, payload, { reply, headers: header }));
  }

  const encodeEvent = createEncoder(source);

  // Async, so that an event that is not one rejects like every other failure.
  async function publish<Event extends object>(contract: EventContract<Event>, event: Event) {
    return send(encodeEvent(contract, event));
  }

  return {
    publish,
    publishAll: async (contract, events) =>
      Promise.all(events.map((event) => publish(contract, event))),
    publishMessage: async ({ subject, messageId, headers, payload }) => {
      const lines = Object.entries({ "Nats-Msg-Id": messageId, ...headers });
      const headerLines = lines.map(([name, value]) => headerLine(name, value)).join("");
      return send({ subject, headerLines, payload });
    },
  };
}

/** What is under way: one entry per message sent and not yet acknowledged, bounded in number. */
function createAckTable(connection: NatsConnection, source: string, ackTimeoutMs: number) {
  const pending = new Map<string, Pending>(); // insertion order = order of deadlines
  const waiting: (() => void)[] = [];
  const inbox = createInbox(`_INBOX_${source.split("/").at(-1) ?? "publisher"}`);
  let lastToken = 0;

  connection.subscribe(`${inbox}.*`, { callback: (_error, reply) => settle(reply) });
  // One sweep for all instead of a timer each; none while nothing is under way.
  let sweep: NodeJS.Timeout | undefined;
  const sweepLater = () => (sweep ??= setTimeout(rejectOverdue, SWEEP_INTERVAL_MS).unref());
  void rejectAllOnceClosed();

  function settle(reply: Msg): void {
    const entry = take(reply.subject.slice(inbox.length + 1));
    if (entry === undefined) return; // its deadline has passed
    try {
      entry.resolve(parseAck(reply));
    } catch (error) {
      entry.reject(error instanceof Error ? error : new Error("a publish was refused"));
    }
  }

  function take(token: string): Pending | undefined {
    const entry = pending.get(token);
    if (entry !== undefined && pending.delete(token)) waiting.shift()?.();
    return entry;
  }

  async function rejectAllOnceClosed(): Promise<void> {
    await connection.closed();
    for (const token of pending.keys()) take(token)?.reject(new Error("the connection is closed"));
  }

  function rejectOverdue(): void {
    sweep = undefined;
    const now = performance.now();
    for (const [token, { deadlineMs }] of pending) {
      if (deadlineMs > now) break;
      take(token)?.reject(new Error(`no acknowledgement within ${ackTimeoutMs} ms`));
    }
    if (pending.size > 0) sweepLater();
  }

  return {
    async send(send: (replySubject: string) => void): Promise<PublishAck> {
      // A loop, since another caller may take the place before this one resumes. Nothing may wait
      // between it and the entry below, or a thousand callers would see the same free place.
      while (pending.size >= IN_FLIGHT_MAX) {
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
      lastToken += 1;
      const token = lastToken.toString(36);
      const { promise, resolve, reject } = Promise.withResolvers<PublishAck>();
      pending.set(token, { resolve, reject, deadlineMs: performance.now() + ackTimeoutMs });
      sweepLater();
      try {
        send(`${inbox}.${token}`);
      } catch (error) {
        take(token)?.reject(error instanceof Error ? error : new Error("cannot publish"));
      }
      return promise;
    },
  };
}

/** CloudEvents 1.0, binary mode: attributes as headers, the event as the body. */
function createEncoder(source: string) {
  const fixedLines = new Map<string, string>();
  const spanId = createSpanIds(randomBytes(8).readBigUInt64BE());

  /** Whoever listens sees the batch, and the trace from its upload to its last webhook. */
  const batchLines = (batchId: string) =>
    headerLine("valify-batch", batchId) +
    headerLine("traceparent", traceparentOf(batchId, spanId()));

  /** What every event of a contract has in common is put together once. */
  function fixedLinesOf<Event extends object>({ subject, type, version }: EventContract<Event>) {
    const known = fixedLines.get(type);
    if (known !== undefined) return known;
    const lines =
      headerLine("ce-specversion", "1.0") +
      headerLine("ce-source", source) +
      headerLine("ce-type", type) +
      headerLine("ce-dataschema", `urn:valify:${subject}:v${version}`) +
      headerLine("ce-datacontenttype", "application/json");
    fixedLines.set(type, lines);
    return lines;
  }

  return function encodeEvent<Event extends object>(
    contract: EventContract<Event>,
    event: Event,
  ): EncodedMessage {
    const checked = contract.schema.parse(event);
    const id = contract.eventId(checked);
    const tenantId: unknown = "tenant_id" in checked ? checked.tenant_id : undefined;
    const batchId: unknown = "batch_id" in checked ? checked.batch_id : undefined;
    const headerLines =
      headerLine("Nats-Msg-Id", id) +
      headerLine("ce-id", id) +
      headerLine("ce-time", new Date().toISOString()) +
      fixedLinesOf(contract) +
      (typeof tenantId === "string" ? headerLine("valify-tenant", tenantId) : "") +
      (typeof batchId === "string" ? batchLines(batchId) : "");
    return { subject: contract.subject, headerLines, payload: JSON.stringify(checked) };
  };
}

/** The reply is `{stream, seq, duplicate?}`, or `{error}`, or empty where no stream listens. */
function parseAck(reply: Msg): PublishAck {
  if (reply.data.length === 0) {
    throw new Error("no stream takes this subject: the topology is missing, run the migrate job");
  }
  const answer = reply.json<{
    stream?: string;
    seq?: number;
    duplicate?: boolean;
    error?: { err_code?: number; description?: string };
  }>();
  if (answer.error !== undefined || answer.stream === undefined || answer.seq === undefined) {
    const { err_code: code = 0, description = "no description" } = answer.error ?? {};
    throw new Error(`JetStream refused a message: ${description} (${code})`);
  }
  return { stream: answer.stream, seq: answer.seq, duplicate: answer.duplicate === true };
}
