import assert from "node:assert/strict";
import { test } from "node:test";

import { ConfigError } from "@valify/runtime";

import { readConfig } from "./config.ts";

const secret = `whsec_${Buffer.alloc(32, 1).toString("base64")}`;
const env = {
  DATABASE_URL: "postgres://u@127.0.0.1/db",
  NATS_URL: "nats://127.0.0.1:4222",
  OBJECT_STORE_URL: "file:///data",
  SECRET_KEY: "k".repeat(32),
};

test("fills in the defaults of the design", () => {
  const config = readConfig(env);
  assert.equal(config.PORT, 8080);
  assert.equal(config.HOST, "127.0.0.1");
  assert.equal(config.WEBHOOK_DELAY, 86_400_000);
  assert.equal(config.MAX_LEADS_PER_FILE, 10_000);
  assert.equal(config.MAX_FILE_BYTES, 5_242_880);
  assert.equal(config.defaultEndpoint, null);
});

test("takes an https webhook with its secret", () => {
  const url = "https://hooks.example/leads";
  const config = readConfig({ ...env, WEBHOOK_URL: url, WEBHOOK_SECRET: secret });
  assert.deepEqual(config.defaultEndpoint, { url, secret });
});

test("takes an http webhook only where that is allowed", () => {
  const given = { ...env, WEBHOOK_URL: "http://127.0.0.1:9/x", WEBHOOK_SECRET: secret };
  assert.throws(() => readConfig(given), /^ConfigError: WEBHOOK_URL must begin with https/);
  assert.ok(readConfig({ ...given, WEBHOOK_ALLOW_HTTP: "true" }).defaultEndpoint);
});

for (const [what, change, complaint] of [
  ["a webhook without a secret", { WEBHOOK_URL: "https://x.example" }, "WEBHOOK_SECRET is missing"],
  ["a bad secret", { WEBHOOK_SECRET: "hunter2" }, "WEBHOOK_SECRET must be whsec_"],
  ["a short SECRET_KEY", { SECRET_KEY: "short" }, "SECRET_KEY must hold at least 32 bytes"],
  ["a missing DATABASE_URL", { DATABASE_URL: "" }, "DATABASE_URL is missing"],
  ["a bad delay", { WEBHOOK_DELAY: "24h" }, "WEBHOOK_DELAY must be an ISO 8601 duration"],
  ["no leads per file", { MAX_LEADS_PER_FILE: "0" }, "MAX_LEADS_PER_FILE "],
  [
    "half a provider",
    { OIDC_ISSUER: "https://id.example" },
    "OIDC_CLIENT_ID and OIDC_CLIENT_SECRET and OIDC_REDIRECT_URL missing",
  ],
  [
    "a provider without TLS",
    {
      OIDC_ISSUER: "http://id.example",
      OIDC_CLIENT_ID: "x",
      OIDC_CLIENT_SECRET: "x",
      OIDC_REDIRECT_URL: "https://valify.example/batch_admin/oidc/callback",
    },
    "OIDC_ISSUER must begin with https",
  ],
  [
    "a short password",
    { ADMIN_EMAIL: "a@b.example", ADMIN_PASSWORD: "short" },
    "ADMIN_PASSWORD must",
  ],
  ["an admin without a password", { ADMIN_EMAIL: "a@b.example" }, "ADMIN_EMAIL and ADMIN_PASSWORD"],
  ["a key that no header can carry", { BOOTSTRAP_API_KEY: "a b" }, "BOOTSTRAP_API_KEY must be"],
] as const) {
  test(`refuses ${what} by its name, never by its value`, () => {
    assert.throws(
      () => readConfig({ ...env, ...change }),
      (error) => {
        assert.ok(error instanceof ConfigError);
        assert.ok(error.message.startsWith(complaint), error.message);
        assert.doesNotMatch(error.message, /hunter2|\n/);
        return true;
      },
    );
  });
}
