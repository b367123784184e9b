import assert from "node:assert/strict";
import { test } from "node:test";

import { parseDurationMs } from "@valify/runtime";

import { durationOfMs } from "./duration.ts";

test("what is written is read back as the same time", () => {
  for (const [totalMs, text] of [
    [0, "PT0S"],
    [300, "PT0.3S"],
    [60_000, "PT1M"],
    [90_500, "PT1M30.5S"],
    [3_600_000, "PT1H"],
    [86_400_000, "P1D"],
    [90_061_001, "P1DT1H1M1.001S"],
  ] as const) {
    assert.equal(durationOfMs(totalMs), text);
    assert.equal(parseDurationMs(text), totalMs);
  }
});
