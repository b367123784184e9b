import assert from "node:assert/strict";

import { startStack } from "../support/stack.ts";
import { fillAttempts } from "./attempt-history.ts";
import { percentile, print } from "./report.ts";

const DELIVERIES = 2_500_000;
const REQUESTS = 2_000;
const AT_ONCE = 4;

/** The page of one delivery with its attempts, at ten million attempts in the log. */
export async function measureAttempts(): Promise<void> {
  await using stack = await startStack({ ownPostgres: "durable" });
  const startMs = performance.now();
  const { rows, deliveryIds } = await fillAttempts(stack.db, DELIVERIES);
  const seconds = (performance.now() - startMs) / 1_000;
  print({ name: "attempts.rows", value: rows, unit: "rows", bar: ">= 10000000" });
  print({ name: "attempts.fill", value: seconds, unit: "s", bar: null });

  const latencies: number[] = [];
  let next = 0;
  const ask = async () => {
    for (let turn = next++; turn < REQUESTS; turn = next++) {
      // Far apart, so that hardly two of them share a page of the index.
      const deliveryId = deliveryIds[(turn * 7_919) % deliveryIds.length] ?? "";
      const askedMs = performance.now();
      const response = await stack.api.request("GET", `/deliveries/${deliveryId}`);
      const body = await response.text();
      latencies.push(performance.now() - askedMs);
      assert.equal(response.status, 200, body);
      assert.equal(body.split('"started_at"').length - 1, 4, "four attempts");
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, ask));
  for (const [name, share, bar] of [
    ["p50", 0.5, null],
    ["p95", 0.95, "<= 200"],
    ["max", 1, null],
  ] as const) {
    print({ name: `attempts.page.${name}`, value: percentile(latencies, share), unit: "ms", bar });
  }
}
