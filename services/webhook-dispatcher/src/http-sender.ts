import type { AddressGuard } from "@valify/runtime";

import { createAgentPool } from "./agent-pool.ts";
import { createDeadlines } from "./deadlines.ts";
import { type AttemptOutcome, outcomeOfStatus } from "./domain/attempt-outcome.ts";
import { type Headers, maskResponseHeaders } from "./domain/mask-headers.ts";
import type { ProxyAddress } from "./domain/proxy-address.ts";
import { createDirectEgress } from "./egress.ts";
import type { ClientIdentity } from "./endpoint-secrets.ts";
import { type Answer, createTrace, exchange, type OnEnd, type Trace } from "./http-exchange.ts";
import { createProxyEgress } from "./proxy-egress.ts";

export interface OutboundWebhook {
  readonly url: string;
  readonly headers: Headers;
  readonly body: Buffer | string;
  /** Tells at a later attempt whether the bytes are still the same. */
  readonly bodySha256: string;
  /** For a receiver that asks for a client certificate. */
  readonly identity?: ClientIdentity | null;
}

/** What one request came to; never an exception, since a customer's failure is no error of ours. */
export interface SendResult {
  readonly outcome: AttemptOutcome;
  readonly statusCode: number | null;
  /** What the answer says to us, not to people: secrets in it are masked below. */
  readonly retryAfter: string | undefined;
  readonly webhookDelivery: string | undefined;
  /** For the customer to see: the first bytes of the answer, and whether there were more. */
  readonly responseBody: string | null;
  readonly responseTruncated: boolean;
  readonly responseHeaders: Headers | null;
  readonly trace: Readonly<Trace>;
  readonly startedAt: Date;
  readonly durationMs: number;
}

export interface HttpSender extends AsyncDisposable {
  send(webhook: Omit<OutboundWebhook, "bodySha256">): Promise<SendResult>;
}

export interface HttpSenderOptions {
  readonly guard: AddressGuard;
  /** Every request leaves through it; none unless told. */
  readonly proxy?: ProxyAddress | null | undefined;
  /** Told of each fault of the proxy. */
  readonly onProxyFault?: (fault: Error) => void;
  /** Default {@link TOTAL_TIMEOUT_MS}. */
  readonly totalTimeoutMs?: number;
  /** Default {@link CONNECT_TIMEOUT_MS}. */
  readonly connectTimeoutMs?: number;
}

const CONNECT_TIMEOUT_MS = 5_000;
/** From the first byte out to the last byte in. The lease and the durable's ack wait exceed it. */
const TOTAL_TIMEOUT_MS = 15_000;

/** Sends with keep-alive, without redirects and without decompression; every wait is bounded. */
export function createHttpSender(options: HttpSenderOptions): HttpSender {
  const { guard } = options;
  const connectTimeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
  const egress =
    options.proxy == null
      ? createDirectEgress(guard, connectTimeoutMs)
      : createProxyEgress({ ...options, proxy: options.proxy, connectTimeoutMs });
  const agents = createAgentPool({ egress });
  const totalTimeoutMs = options.totalTimeoutMs ?? TOTAL_TIMEOUT_MS;
  const deadlines = createDeadlines(totalTimeoutMs, () => performance.now());
  const targetOf = createTargets(guard);

  function start(webhook: Omit<OutboundWebhook, "bodySha256">, trace: Trace, onEnd: OnEnd): void {
    try {
      const { origin, path } = targetOf(webhook.url);
      const { headers, body } = webhook;
      const request = { origin, path, method: "POST", headers, body } as const;
      exchange(agents.agentFor(webhook.identity ?? null), request, trace, deadlines, onEnd);
    } catch (error) {
      onEnd(null, error);
    }
  }

  async function failed(error: unknown, times: Times): Promise<SendResult> {
    return resultOf(null, await egress.outcomeOf(error), times);
  }

  return {
    send: (webhook) =>
      new Promise((resolve) => {
        const startedAt = new Date();
        const startedMs = performance.now();
        const trace = createTrace();
        start(webhook, trace, (answer, error) => {
          const times = { trace, startedAt, durationMs: performance.now() - startedMs };
          if (answer === null) resolve(failed(error, times));
          else resolve(resultOf(answer, outcomeOfStatus(answer.statusCode), times));
        });
      }),
    async [Symbol.asyncDispose]() {
      await agents[Symbol.asyncDispose]();
      deadlines[Symbol.dispose]();
    },
  };
}

interface Target {
  readonly origin: string;
  readonly path: string;
}

/** Far more than are called at a time. */
const TARGETS_MAX = 1_000;

/** A URL is parsed and checked once, not for each request to it: what it says does not change. */
function createTargets(guard: AddressGuard) {
  const targets = new Map<string, Target>();
  return function targetOf(address: string): Target {
    const known = targets.get(address);
    if (known !== undefined) return known;
    const url = new URL(address);
    guard.checkUrl(url);
    const target = { origin: url.origin, path: url.pathname + url.search };
    if (targets.size >= TARGETS_MAX) targets.clear();
    targets.set(address, target);
    return target;
  };
}

type Times = Pick<SendResult, "trace" | "startedAt" | "durationMs">;

function resultOf(
  answer: Answer | null,
  outcome: AttemptOutcome,
  { trace, startedAt, durationMs }: Times,
): SendResult {
  const headers = answer?.headers ?? NO_HEADERS;
  return {
    outcome,
    statusCode: answer?.statusCode ?? null,
    retryAfter: firstOf(headers["retry-after"]),
    webhookDelivery: firstOf(headers["webhook-delivery"]),
    responseBody: answer?.body ?? null,
    responseTruncated: answer?.isTruncated ?? false,
    responseHeaders: answer === null ? null : maskResponseHeaders(headers),
    trace,
    startedAt,
    durationMs,
  };
}

const NO_HEADERS: Answer["headers"] = {};

function firstOf(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === "string" ? value : value?.[0];
}
