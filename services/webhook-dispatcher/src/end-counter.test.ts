import assert from "node:assert/strict";
import { test } from "node:test";

import { createMetrics } from "@valify/runtime";

import { createEndCounter } from "./end-counter.ts";

test("what was given up is counted, from zero on, and nothing else is", async () => {
  const metrics = createMetrics("test", "0");
  const countEnd = createEndCounter(metrics);
  const shown = async () =>
    /^valify_webhook_exhausted_total (\d+)$/m.exec((await metrics.render()).body)?.[1];
  assert.equal(await shown(), "0");
  countEnd("exhausted");
  for (const state of ["delivered", "waiting", "held", "cancelled"] as const) countEnd(state);
  assert.equal(await shown(), "1");
});
