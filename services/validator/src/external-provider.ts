import { createHmac } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";

import type { Finding } from "@valify/lead-file";
import { type AddressGuard, createAddressGuard, createGuardedConnector } from "@valify/runtime";
import { Agent, request } from "undici";

import type { readConfig } from "./config.ts";
import { createCircuitBreaker } from "./domain/circuit-breaker.ts";
import { readExternalAnswer } from "./domain/external-answer.ts";

export interface ExternalLead {
  readonly row: number;
  readonly first_name: string;
  readonly last_name: string;
  readonly dob: string;
}

export interface ExternalQuestion {
  readonly batchId: string;
  /** At most 100. */
  readonly leads: readonly ExternalLead[];
}

export type ExternalReply =
  | { readonly kind: "answered"; readonly findings: ReadonlyMap<number, readonly Finding[]> }
  /** `reason` is a class of failure, free of anything the provider or the file said. */
  | { readonly kind: "unavailable"; readonly reason: string };

export interface ExternalProvider extends AsyncDisposable {
  ask(question: ExternalQuestion): Promise<ExternalReply>;
}

export interface ExternalProviderOptions {
  readonly url: URL;
  /** Stands in its codes: `EXT_<name>_…`. */
  readonly name: string;
  /** `whsec_` and base64, as for webhooks: the provider checks it with the same libraries. */
  readonly secret: string;
  readonly guard: AddressGuard;
  readonly timeoutMs?: number;
  readonly retryDelayMs?: number;
  readonly breakerPauseMs?: number;
}

const TIMEOUT_MS = 5_000;
const ATTEMPTS_MAX = 4;
const RETRY_DELAY_MS = 250;
const FAILURES_MAX = 5;
const BREAKER_PAUSE_MS = 30_000;
const CONNECTIONS_MAX = 4;
const ANSWER_BYTES_MAX = 1_048_576;
const SECRET_PREFIX = /^whsec_/;

class ExternalError extends Error {
  readonly isFinal: boolean;
  constructor(reason: string, { isFinal }: { readonly isFinal: boolean }) {
    super(reason);
    this.isFinal = isFinal;
  }
}

/** Asks one provider over a guarded connection; every wait, retry and answer is bounded. */
export function createExternalProvider(options: ExternalProviderOptions): ExternalProvider {
  const { url, name, guard, timeoutMs = TIMEOUT_MS, retryDelayMs = RETRY_DELAY_MS } = options;
  const key = Buffer.from(options.secret.replace(SECRET_PREFIX, ""), "base64");
  const breaker = createCircuitBreaker({
    failuresMax: FAILURES_MAX,
    pauseMs: options.breakerPauseMs ?? BREAKER_PAUSE_MS,
  });
  const agent = new Agent({
    connect: createGuardedConnector(guard, { timeoutMs }),
    connections: CONNECTIONS_MAX,
  });

  async function post(question: ExternalQuestion): Promise<unknown> {
    guard.checkUrl(url);
    const body = JSON.stringify({ batch_id: question.batchId, leads: question.leads });
    const answer = await request(url, {
      method: "POST",
      headers: headersOf(question, body, key),
      body,
      dispatcher: agent,
      signal: AbortSignal.timeout(timeoutMs),
    });
    const { statusCode } = answer;
    if (statusCode !== 200) {
      await answer.body.dump({ limit: 0 }).catch(() => {});
      const isFinal = statusCode < 500 && statusCode !== 408 && statusCode !== 429;
      throw new ExternalError(`status_${statusCode}`, { isFinal });
    }
    return parse(await readBounded(answer.body));
  }

  async function attempt(question: ExternalQuestion): Promise<ExternalReply> {
    const rows = question.leads.map(({ row }) => row);
    const findings = readExternalAnswer(await post(question), rows, name);
    if (findings === undefined) throw new ExternalError("answer_malformed", { isFinal: true });
    return { kind: "answered", findings };
  }

  return {
    async ask(question) {
      let reason = "circuit_open";
      for (let count = 1; breaker.allows(performance.now()); count += 1) {
        try {
          const reply = await attempt(question);
          breaker.succeeded();
          return reply;
        } catch (error) {
          breaker.failed(performance.now());
          reason = reasonOf(error);
          const isFinal = error instanceof ExternalError && error.isFinal;
          if (isFinal || count === ATTEMPTS_MAX) break;
          // Half of it by chance, so that batches that failed together do not come back together.
          await pause(retryDelayMs * 2 ** (count - 1) * (0.5 + Math.random() / 2));
        }
      }
      return { kind: "unavailable", reason };
    },
    [Symbol.asyncDispose]: () => agent.close(),
  };
}

type ExternalConfig = Pick<
  ReturnType<typeof readConfig>,
  "external" | "WEBHOOK_ALLOWED_CIDRS" | "WEBHOOK_ALLOW_HTTP"
>;

/** The installation's provider, behind the same guard as webhooks; undefined where it has none. */
export function openExternalProvider(config: ExternalConfig): ExternalProvider | undefined {
  if (config.external === null) return undefined;
  const guard = createAddressGuard({
    allowedCidrs: config.WEBHOOK_ALLOWED_CIDRS,
    allowHttp: config.WEBHOOK_ALLOW_HTTP,
  });
  return createExternalProvider({ ...config.external, guard });
}

/** Standard Webhooks over the raw body. The ids are the batch's and a row number: no name in them. */
function headersOf({ batchId, leads }: ExternalQuestion, body: string, key: Buffer) {
  const chunk = `${batchId}:${leads[0]?.row ?? 0}`;
  const timestamp = Math.floor(Date.now() / 1_000);
  const mac = createHmac("sha256", key).update(`${chunk}.${timestamp}.${body}`).digest("base64");
  return {
    "content-type": "application/json",
    accept: "application/json",
    "idempotency-key": chunk,
    "webhook-id": chunk,
    "webhook-timestamp": String(timestamp),
    "webhook-signature": `v1,${mac}`,
  };
}

async function readBounded(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let byteCount = 0;
  for await (const chunk of body) {
    byteCount += chunk.length;
    if (byteCount > ANSWER_BYTES_MAX)
      throw new ExternalError("answer_too_large", { isFinal: true });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ExternalError("answer_malformed", { isFinal: true });
  }
}

/** Never the library's words: they may quote the address or the body. */
function reasonOf(error: unknown): string {
  if (error instanceof ExternalError) return error.message;
  if (!(error instanceof Error)) return "unknown";
  if (error.name === "TimeoutError") return "timeout";
  return "code" in error && typeof error.code === "string" ? error.code.toLowerCase() : "unknown";
}
