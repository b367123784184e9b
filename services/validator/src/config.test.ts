import assert from "node:assert/strict";
import { test } from "node:test";

import { readConfig } from "./config.ts";

const required = {
  DATABASE_URL: "postgres://127.0.0.1/valify",
  NATS_URL: "nats://127.0.0.1:4222",
};

test("has a default for everything but the servers", () => {
  const config = readConfig(required);
  assert.equal(config.PORT, 8081);
  assert.equal(config.MAX_LEADS_PER_FILE, 10_000);
  assert.equal(config.MAX_FILE_BYTES, 5_242_880);
  assert.equal(config.VALIDATOR_CONCURRENCY, 2);
});

test("refuses to work on no batch at all, and names the variable", () => {
  assert.throws(() => readConfig({ ...required, VALIDATOR_CONCURRENCY: "0" }), {
    message: "VALIDATOR_CONCURRENCY must be at least 1",
  });
});
