import assert from "node:assert/strict";
import { test } from "node:test";

import { runScript } from "../support/service-process.ts";

const GOOD = {
  DATABASE_URL: "postgres://nobody:geheim@127.0.0.1:1/none",
  NATS_URL: "nats://127.0.0.1:1",
  OBJECT_STORE_URL: "file:///tmp/valify-none",
  SECRET_KEY: "0123456789abcdef0123456789abcdef",
};

const CASES = [
  { service: "ingest", name: "WEBHOOK_DELAY", value: "geheim" },
  { service: "ingest", name: "SECRET_KEY", value: "geheim" },
  { service: "ingest", name: "MAX_LEADS_PER_FILE", value: "geheim" },
  { service: "validator", name: "DATABASE_URL", value: "" },
  { service: "validator", name: "OBJECT_STORE_URL", value: "ftp://geheim" },
  { service: "scheduler", name: "NATS_URL", value: "http://geheim" },
  { service: "webhook-dispatcher", name: "WEBHOOK_RETRY_DELAYS", value: "geheim" },
  { service: "webhook-dispatcher", name: "PORT", value: "geheim" },
];

// Goal: whoever deploys reads one line and knows what to change; a secret is never in it.
for (const { service, name, value } of CASES) {
  const fault = value === "" ? "is missing" : "is bad";
  test(`${service} ends with one line when ${name} ${fault}`, async () => {
    const env = { ...GOOD, [name]: value };
    const { exitCode, lines } = await runScript(`services/${service}/src/main.ts`, env);
    assert.equal(exitCode, 1);
    assert.equal(lines.length, 1, lines.join("\n"));
    assert.match(lines[0] ?? "", new RegExp(`\\b${name}\\b`));
    assert.doesNotMatch(lines[0] ?? "", /geheim/);
  });
}
