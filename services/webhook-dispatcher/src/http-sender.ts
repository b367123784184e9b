import type { AddressGuard } from "@valify/runtime";

import { createAgentPool } from "./agent-pool.ts";
import { type AttemptOutcome, outcomeOfError, outcomeOfStatus } from "./domain/attempt-outcome.ts";
import type { ClientIdentity } from "./endpoint-secrets.ts";
import { exchange } from "./http-exchange.ts";

export interface OutboundWebhook {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** For a receiver that asks for a client certificate. */
  readonly identity?: ClientIdentity | null;
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

/** From the first byte out to the last byte in. The lease and the durable's ack wait exceed it. */
const TOTAL_TIMEOUT_MS = 15_000;

/** Sends with keep-alive, without redirects and without decompression; every wait is bounded. */
export function createHttpSender(options: HttpSenderOptions): HttpSender {
  const { guard } = options;
  const agents = createAgentPool({ guard, answerTimeoutMs: TOTAL_TIMEOUT_MS });

  async function attempt(webhook: OutboundWebhook) {
    const url = new URL(webhook.url);
    guard.checkUrl(url);
    const request = {
      origin: url.origin,
      path: url.pathname + url.search,
      method: "POST",
      headers: webhook.headers,
      body: webhook.body,
    } as const;
    const timeoutMs = options.totalTimeoutMs ?? TOTAL_TIMEOUT_MS;
    const agent = agents.agentFor(webhook.identity ?? null);
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
    [Symbol.asyncDispose]: () => agents[Symbol.asyncDispose](),
  };
}
