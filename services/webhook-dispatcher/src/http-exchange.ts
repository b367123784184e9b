import type { Dispatcher } from "undici";

export interface Exchange {
  readonly statusCode: number;
  /** The first bytes of the answer. */
  readonly responseBody: string;
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
  totalTimeoutMs: number,
): Promise<Exchange> {
  const { promise, resolve, reject } = Promise.withResolvers<Exchange>();
  const chunks: Buffer[] = [];
  let byteCount = 0;
  let statusCode = 0;
  let controller: Dispatcher.DispatchController | undefined;
  let tooLate: Error | undefined;

  const timer = setTimeout(() => {
    tooLate = new DeadlineError(`no complete answer within ${totalTimeoutMs} ms`);
    reject(tooLate);
    controller?.abort(tooLate);
  }, totalTimeoutMs);

  function finish(): void {
    clearTimeout(timer);
    resolve({ statusCode, responseBody: startOf(chunks) });
  }

  dispatcher.dispatch(request, {
    onRequestStart(started) {
      controller = started;
      // It waited for a connection until after the deadline.
      if (tooLate !== undefined) started.abort(tooLate);
    },
    onResponseStart(_controller, status) {
      statusCode = status;
    },
    onResponseData(active, chunk) {
      chunks.push(chunk);
      byteCount += chunk.length;
      if (byteCount < RESPONSE_BYTES_MAX) return;
      finish();
      active.abort(new Error("the rest of the answer is not wanted"));
    },
    onResponseEnd: finish,
    onResponseError(_controller, error) {
      clearTimeout(timer);
      reject(error);
    },
  });
  return promise;
}

function startOf(chunks: readonly Buffer[]): string {
  if (chunks.length === 0) return "";
  const start = Buffer.concat(chunks).subarray(0, RESPONSE_BYTES_MAX).toString("utf8");
  // Postgres text cannot hold a NUL.
  return start.replaceAll("\0", "\uFFFD");
}
