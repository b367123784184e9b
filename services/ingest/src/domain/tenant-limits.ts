import type { ProblemCode } from "@valify/contracts/api";

import { spanOfMonth, monthOf } from "./usage-month.ts";

/** Null: no limit. */
export interface TenantLimits {
  readonly filesPerDayMax: number | null;
  readonly leadsPerMonthMax: number | null;
  readonly storedBytesMax: number | null;
  readonly concurrentBatchesMax: number | null;
}

/** What the tenant uses, the new upload included. */
export interface TenantUse {
  readonly filesToday: number;
  /** Charged this month, or reserved by a batch at work. */
  readonly leadsThisMonth: number;
  readonly storedBytes: number;
  readonly concurrentBatches: number;
}

export interface LimitExceeded {
  readonly status: 413 | 429;
  readonly code: ProblemCode;
  readonly detail: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const DAY_MS = 86_400_000;
/** A batch of the full size ends within seconds, unless many wait. */
const BATCH_RETRY_AFTER_S = 10;

/** The first limit that the new upload would break, or null. Days and months are those of UTC. */
export function judgeLimits(limits: TenantLimits, use: TenantUse, now: Date): LimitExceeded | null {
  const { filesPerDayMax, leadsPerMonthMax, storedBytesMax, concurrentBatchesMax } = limits;
  const nowMs = now.getTime();
  if (exceeds(use.storedBytes, storedBytesMax)) {
    const detail = `Your uploads may take ${storedBytesMax} bytes together, and would take ${use.storedBytes}`;
    return { status: 413, code: "STORED_BYTES_EXCEEDED", detail };
  }
  if (exceeds(use.leadsThisMonth, leadsPerMonthMax)) {
    const detail = `You may have ${leadsPerMonthMax} leads validated in a month, and would have ${use.leadsThisMonth}`;
    const monthEndMs = spanOfMonth(monthOf(now)).until.getTime();
    return tryLater("LEADS_PER_MONTH_EXCEEDED", detail, monthEndMs - nowMs);
  }
  if (exceeds(use.filesToday, filesPerDayMax)) {
    const detail = `You may upload ${filesPerDayMax} files in a day`;
    return tryLater("FILES_PER_DAY_EXCEEDED", detail, DAY_MS - (nowMs % DAY_MS));
  }
  if (exceeds(use.concurrentBatches, concurrentBatchesMax)) {
    const detail = `You may have ${concurrentBatchesMax} batches at work at a time`;
    return tryLater("CONCURRENT_BATCHES_EXCEEDED", detail, BATCH_RETRY_AFTER_S * 1000);
  }
  return null;
}

function exceeds(use: number, max: number | null): boolean {
  return max !== null && use > max;
}

function tryLater(code: ProblemCode, detail: string, delayMs: number): LimitExceeded {
  return {
    status: 429,
    code,
    detail,
    headers: { "retry-after": String(Math.ceil(delayMs / 1000)) },
  };
}
