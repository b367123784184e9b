import assert from "node:assert/strict";
import { test } from "node:test";

import { readConfig } from "./config.ts";

const REQUIRED = {
  DATABASE_URL: "postgres://127.0.0.1/valify",
  NATS_URL: "nats://127.0.0.1:4222",
  SECRET_KEY: "0123456789abcdef0123456789abcdef",
};

const delays = (count: number) =>
  readConfig({ ...REQUIRED, WEBHOOK_RETRY_DELAYS: Array(count).fill("PT1S").join(",") });

test("one attempt and three retries unless told otherwise", () => {
  assert.deepEqual(readConfig(REQUIRED).WEBHOOK_RETRY_DELAYS, [60_000, 300_000, 1_500_000]);
});

test("one to ten retries can be set, eleven stop the process with the variable's name", () => {
  assert.equal(delays(1).WEBHOOK_RETRY_DELAYS.length, 1);
  assert.equal(delays(10).WEBHOOK_RETRY_DELAYS.length, 10);
  assert.throws(() => delays(11), /WEBHOOK_RETRY_DELAYS must list at most 10 delays/);
});
