import { BatchId, uuidOfBatchId } from "@valify/contracts";

// W3C trace context, as far as logs need it (docs/adr/0014-a-trace-is-a-batch.md). The trace of a
// batch is the batch: its 128 bits are the trace id. So nothing has to be stored beside a row that
// waits for 24 hours, and nothing about it can be lost.

export interface TraceContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** Of the span that caused this; 16 hexadecimal digits. */
  readonly parentId: string;
}

const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?$/;
const ZEROS = /^0+$/;
/**
 * Nobody has recorded a span of it, and nobody here will. Beside the truth it is a matter of work: for
 * a message marked as sampled, nats-server reads all of its headers into a map, to look whether to
 * trace it, which was a quarter of what a publish costs there.
 */
const NOT_SAMPLED = "00";

/** The trace that everything done for a batch belongs to. */
export function traceIdOf(batchId: BatchId): string {
  // The rows of a batch come one after the other: the last answer is mostly the next.
  if (batchId !== last.batchId) {
    last = { batchId, traceId: uuidOfBatchId(batchId).replaceAll("-", "") };
  }
  return last.traceId;
}

let last = { batchId: "", traceId: "" };

/** The same for a logged field, which may be anything. */
export function traceIdOfField(value: unknown): string | undefined {
  const batchId = BatchId.safeParse(value);
  return batchId.success ? traceIdOf(batchId.data) : undefined;
}

export function traceparentOf(batchId: BatchId, spanId: string): string {
  return `00-${traceIdOf(batchId)}-${spanId}-${NOT_SAMPLED}`;
}

/** Undefined for what is no `traceparent`: a header of somebody else is never trusted to be one. */
export function parseTraceparent(text: string | undefined): TraceContext | undefined {
  const [, traceId = "", parentId = ""] = TRACEPARENT.exec(text ?? "") ?? [];
  if (traceId === "" || ZEROS.test(traceId) || ZEROS.test(parentId)) return undefined;
  return { traceId, parentId };
}

/**
 * Makes the span ids of this process: a random start, then counting. `seed` is 8 random bytes;
 * asking for random bytes at every message would cost more than the message's header.
 */
export function createSpanIds(seed: bigint): () => string {
  let next = BigInt.asUintN(64, seed);
  return () => {
    next = BigInt.asUintN(64, next + 1n);
    if (next === 0n) next = 1n; // the one value that is no span id
    return next.toString(16).padStart(16, "0");
  };
}
