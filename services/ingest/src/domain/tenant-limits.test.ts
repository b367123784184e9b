import assert from "node:assert/strict";
import { test } from "node:test";

import { judgeLimits, type TenantLimits, type TenantUse } from "./tenant-limits.ts";

const NO_LIMITS: TenantLimits = {
  filesPerDayMax: null,
  leadsPerMonthMax: null,
  storedBytesMax: null,
  concurrentBatchesMax: null,
};
const USE: TenantUse = {
  filesToday: 5,
  leadsThisMonth: 50,
  storedBytes: 500,
  concurrentBatches: 2,
};
const NOW = new Date("2026-11-30T23:59:00Z");

const CASES = [
  ["filesPerDayMax", "filesToday", 429, "FILES_PER_DAY_EXCEEDED", "60"],
  ["leadsPerMonthMax", "leadsThisMonth", 429, "LEADS_PER_MONTH_EXCEEDED", "60"],
  ["storedBytesMax", "storedBytes", 413, "STORED_BYTES_EXCEEDED", undefined],
  ["concurrentBatchesMax", "concurrentBatches", 429, "CONCURRENT_BATCHES_EXCEEDED", "10"],
] as const;

test("a tenant without limits may do anything", () => {
  assert.equal(judgeLimits(NO_LIMITS, USE, NOW), null);
});

for (const [limit, use, status, code, retryAfter] of CASES) {
  test(`${limit} may be reached and not exceeded`, () => {
    assert.equal(judgeLimits({ ...NO_LIMITS, [limit]: USE[use] }, USE, NOW), null);
    const exceeded = judgeLimits({ ...NO_LIMITS, [limit]: USE[use] - 1 }, USE, NOW);
    assert.equal(exceeded?.status, status);
    assert.equal(exceeded.code, code);
    assert.equal(exceeded.headers?.["retry-after"], retryAfter);
    assert.match(exceeded.detail, new RegExp(String(USE[use] - 1)));
  });
}
