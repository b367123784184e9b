import assert from "node:assert/strict";
import { test } from "node:test";

import { isWebhookSecret } from "./webhook-secret.ts";

const secretOf = (byteCount: number) => `whsec_${Buffer.alloc(byteCount, 7).toString("base64")}`;

for (const byteCount of [24, 32, 64]) {
  test(`takes ${byteCount} bytes`, () => assert.ok(isWebhookSecret(secretOf(byteCount))));
}

for (const [what, text] of [
  ["23 bytes", secretOf(23)],
  ["65 bytes", secretOf(65)],
  ["a missing prefix", secretOf(32).slice("whsec_".length)],
  ["what is no base64", `whsec_${"!".repeat(44)}`],
  ["a stray character", `${secretOf(32)} x`],
  ["an empty text", ""],
] as const) {
  test(`refuses ${what}`, () => assert.equal(isWebhookSecret(text), false));
}
