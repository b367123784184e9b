import { subscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";

import type { Dispatcher } from "undici";

import { type ConnectionTimings, takeTimings } from "./connection-timings.ts";

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

/**
 * One request and the start of its answer, within one deadline for connecting, sending, waiting and
 * reading. Resolves as soon as enough is read; the rest is never read: an endless body costs its
 * connection, not our memory. Rejects with the library's error or at the deadline.
 *
 * Undici's `request` would hand us a stream and want an abort signal; both together take more time
 * than the exchange.
 */
export function exchange(
  dispatcher: Dispatcher,
  request: Dispatcher.DispatchOptions,
  trace: Trace,
  totalTimeoutMs: number,
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const chunks: Buffer[] = [];
  let byteCount = 0;
  let statusCode = 0;
  let headers: Answer["headers"] = {};
  let sentMs = 0;
  let controller: Dispatcher.DispatchController | undefined;
  let tooLate: Error | undefined;

  const timer = setTimeout(() => {
    tooLate = new DeadlineError(`no complete answer within ${totalTimeoutMs} ms`);
    reject(tooLate);
    controller?.abort(tooLate);
  }, totalTimeoutMs);

  function finish(): void {
    clearTimeout(timer);
    const isTruncated = byteCount > RESPONSE_BYTES_MAX;
    resolve({ statusCode, headers, body: startOf(chunks), isTruncated });
  }

  dispatcher.dispatch(request, {
    onRequestStart(started) {
      controller = started;
      sentMs = performance.now();
      starting = trace;
      // It waited for a connection until after the deadline.
      if (tooLate !== undefined) started.abort(tooLate);
    },
    onResponseStart(_controller, status, given) {
      statusCode = status;
      headers = given;
      trace.firstByteMs = performance.now() - sentMs;
    },
    onResponseData(active, chunk) {
      chunks.push(chunk);
      byteCount += chunk.length;
      if (byteCount <= RESPONSE_BYTES_MAX) return;
      finish();
      active.abort(new Error("the rest of the answer is not wanted"));
    },
    onResponseEnd: finish,
    onResponseError(_controller, error) {
      clearTimeout(timer);
      trace.connection ??= takeTimings(error) ?? null;
      reject(error);
    },
  });
  return promise;
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
  trace.remoteAddress = message.socket.remoteAddress ?? null;
  trace.connection = takeTimings(message.socket) ?? null;
});

function hasSocket(message: unknown): message is { readonly socket: Socket } {
  return typeof message === "object" && message !== null && "socket" in message;
}

function startOf(chunks: readonly Buffer[]): string {
  if (chunks.length === 0) return "";
  const start = Buffer.concat(chunks).subarray(0, RESPONSE_BYTES_MAX).toString("utf8");
  // Postgres text cannot hold a NUL.
  return start.replaceAll("\0", "\uFFFD");
}
