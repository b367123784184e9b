import { subscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";

import type { Dispatcher } from "undici";

import { type ConnectionTimings, takeTimings } from "./connection-timings.ts";
import type { Deadlines, Expiring } from "./deadlines.ts";
import { remoteAddressOf } from "./remote-address.ts";

export interface Answer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The first bytes of its body. */
  readonly body: string;
  /** There was more. */
  readonly isTruncated: boolean;
}

/** What can be told of a request whatever came of it. Filled in while it is under way. */
export interface Trace {
  remoteAddress: string | null;
  /** Null: the connection was there already. */
  connection: ConnectionTimings | null;
  /** From the request to the first byte of its answer. */
  firstByteMs: number | null;
}

/** Its code is the class of the failure, see domain/attempt-outcome.ts. */
class DeadlineError extends Error {
  override readonly name = "TimeoutError";
}

const RESPONSE_BYTES_MAX = 16 * 1_024;

/** Called once: with the answer, or with the library's error or the deadline's. */
export type OnEnd = (answer: Answer | null, error: unknown) => void;

/**
 * One request and the start of its answer, within one deadline for connecting, sending, waiting and
 * reading. It ends as soon as enough is read; the rest is never read: an endless body costs its
 * connection, not our memory.
 *
 * Undici's `request` would hand us a stream and want an abort signal; both together take more time
 * than the exchange. For the same reason this is one object, and no closure for each event.
 */
export function exchange(
  dispatcher: Dispatcher,
  request: Dispatcher.DispatchOptions,
  trace: Trace,
  deadlines: Deadlines,
  onEnd: OnEnd,
): void {
  dispatcher.dispatch(request, new Exchange(trace, deadlines, onEnd));
}

class Exchange implements Dispatcher.DispatchHandler, Expiring {
  readonly #trace: Trace;
  readonly #onEnd: OnEnd;
  readonly #deadlines: Deadlines;
  #chunks: Buffer[] | null = null;
  #byteCount = 0;
  #statusCode = 0;
  #headers: Answer["headers"] = {};
  #sentMs = 0;
  #controller: Dispatcher.DispatchController | null = null;
  #tooLate: Error | null = null;
  #isOver = false;

  constructor(trace: Trace, deadlines: Deadlines, onEnd: OnEnd) {
    this.#trace = trace;
    this.#onEnd = onEnd;
    this.#deadlines = deadlines;
    deadlines.begin(this);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    this.#sentMs = performance.now();
    starting = this.#trace;
    // It waited for a connection until after the deadline.
    if (this.#tooLate !== null) controller.abort(this.#tooLate);
  }

  onResponseStart(_controller: unknown, statusCode: number, headers: Answer["headers"]): void {
    this.#statusCode = statusCode;
    this.#headers = headers;
    this.#trace.firstByteMs = performance.now() - this.#sentMs;
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    (this.#chunks ??= []).push(chunk);
    this.#byteCount += chunk.length;
    if (this.#byteCount <= RESPONSE_BYTES_MAX) return;
    this.onResponseEnd();
    controller.abort(new Error("the rest of the answer is not wanted"));
  }

  onResponseEnd(): void {
    const isTruncated = this.#byteCount > RESPONSE_BYTES_MAX;
    const body = this.#chunks === null ? "" : startOf(this.#chunks);
    const [statusCode, headers] = [this.#statusCode, this.#headers];
    this.#end({ statusCode, headers, body, isTruncated }, null);
  }

  onResponseError(_controller: unknown, error: Error): void {
    this.#trace.connection ??= takeTimings(error) ?? null;
    this.#end(null, error);
  }

  giveUp(timeoutMs: number): void {
    this.#tooLate = new DeadlineError(`no complete answer within ${timeoutMs} ms`);
    this.#end(null, this.#tooLate);
    this.#controller?.abort(this.#tooLate);
  }

  #end(answer: Answer | null, error: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#deadlines.end(this);
    this.#onEnd(answer, error);
  }
}

export const createTrace = (): Trace => ({
  remoteAddress: null,
  connection: null,
  firstByteMs: null,
});

/**
 * Undici tells nobody which socket a request goes out on but its diagnostics channel, in the same
 * turn as `onRequestStart`: whoever has just started is the one it speaks of.
 */
let starting: Trace | undefined;
subscribe("undici:client:sendHeaders", (message) => {
  const trace = starting;
  starting = undefined;
  if (trace === undefined || !hasSocket(message)) return;
  trace.remoteAddress = remoteAddressOf(message.socket);
  trace.connection = takeTimings(message.socket) ?? null;
});

function hasSocket(message: unknown): message is { readonly socket: Socket } {
  return typeof message === "object" && message !== null && "socket" in message;
}

function startOf(chunks: readonly Buffer[]): string {
  const bytes = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
  const start = bytes.toString("utf8", 0, RESPONSE_BYTES_MAX);
  // Postgres text cannot hold a NUL.
  return start.includes("\0") ? start.replaceAll("\0", "\uFFFD") : start;
}
