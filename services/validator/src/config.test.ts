import assert from "node:assert/strict";
import { test } from "node:test";

import { readConfig } from "./config.ts";

const required = {
  DATABASE_URL: "postgres://127.0.0.1/valify",
  NATS_URL: "nats://127.0.0.1:4222",
  SECRET_KEY: "0123456789abcdef0123456789abcdef",
};

test("has a default for everything but the servers and the key", () => {
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

const external = {
  EXTERNAL_VALIDATOR_URL: "https://checks.example/v1",
  EXTERNAL_VALIDATOR_SECRET: `whsec_${Buffer.alloc(32, 1).toString("base64")}`,
};

test("has an external validator only with an address, and an address only with a secret", () => {
  assert.equal(readConfig(required).external, null);
  const { external: found } = readConfig({ ...required, ...external });
  assert.deepEqual([found?.url.href, found?.name], ["https://checks.example/v1", "PROVIDER"]);
  assert.throws(
    () => readConfig({ ...required, ...external, EXTERNAL_VALIDATOR_SECRET: undefined }),
    { message: "EXTERNAL_VALIDATOR_SECRET is missing: EXTERNAL_VALIDATOR_URL needs it" },
  );
  assert.throws(() => readConfig({ ...required, ...external, EXTERNAL_VALIDATOR_NAME: "a-b" }), {
    message: /^EXTERNAL_VALIDATOR_NAME must be/,
  });
});
