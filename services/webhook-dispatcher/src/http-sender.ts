import { type AddressGuard, createGuardedConnector } from "@valify/runtime";
import { Agent } from "undici";

import { type AttemptOutcome, outcomeOfError, outcomeOfStatus } from "./domain/attempt-outcome.ts";
import { exchange } from "./http-exchange.ts";

export interface OutboundWebhook {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What one request came to; never an exception, since a customer's failure is no error of ours. */
export interface SendResult {
  readonly outcome: AttemptOutcome;
  readonly statusCode: number | null;
  /** The first bytes of the answer, for the customer to see. */
  readonly responseBody: string | null;
  readonly startedAt: Date;
  readonly durationMs: number;
}

export interface HttpSender extends AsyncDisposable {
  send(webhook: OutboundWebhook): Promise<SendResult>;
}

export interface HttpSenderOptions {
  readonly guard: AddressGuard;
  /** Default {@link TOTAL_TIMEOUT_MS}. */
  readonly totalTimeoutMs?: number;
}

const CONNECT_TIMEOUT_MS = 5_000;
/** From the first byte out to the last byte in. The lease and the durable's ack wait exceed it. */
const TOTAL_TIMEOUT_MS = 15_000;
const HEADER_BYTES_MAX = 16 * 1_024;
const KEEP_ALIVE_MS = 30_000;
/** A backstop: what an endpoint really gets is bounded by its gate. */
const CONNECTIONS_PER_ORIGIN_MAX = 256;

/** Sends with keep-alive, without redirects and without decompression; every wait is bounded. */
export function createHttpSender(options: HttpSenderOptions): HttpSender {
  const agent = createAgent(options.guard);

  async function attempt(webhook: OutboundWebhook) {
    const url = new URL(webhook.url);
    options.guard.checkUrl(url);
    const request = {
      origin: url.origin,
      path: url.pathname + url.search,
      method: "POST",
      headers: webhook.headers,
      body: webhook.body,
    } as const;
    const timeoutMs = options.totalTimeoutMs ?? TOTAL_TIMEOUT_MS;
    const { statusCode, responseBody } = await exchange(agent, request, timeoutMs);
    return { outcome: outcomeOfStatus(statusCode), statusCode, responseBody };
  }

  return {
    async send(webhook) {
      const startedAt = new Date();
      const startedMs = performance.now();
      const answer = await attempt(webhook).catch((error: unknown) => ({
        outcome: outcomeOfError(error),
        statusCode: null,
        responseBody: null,
      }));
      const durationMs = performance.now() - startedMs;
      return { ...answer, startedAt, durationMs };
    },
    [Symbol.asyncDispose]: () => agent.close(),
  };
}

function createAgent(guard: AddressGuard): Agent {
  return new Agent({
    connections: CONNECTIONS_PER_ORIGIN_MAX,
    pipelining: 1,
    headersTimeout: TOTAL_TIMEOUT_MS,
    bodyTimeout: TOTAL_TIMEOUT_MS,
    maxHeaderSize: HEADER_BYTES_MAX,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connect: createGuardedConnector(guard, { timeoutMs: CONNECT_TIMEOUT_MS }),
  });
}
