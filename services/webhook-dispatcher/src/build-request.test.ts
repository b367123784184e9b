import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { test } from "node:test";

import { Webhook as StandardWebhook } from "standardwebhooks";
import { Webhook as SvixWebhook } from "svix";

import { buildRequest, contentOf } from "./build-request.ts";
import { keyOfSecret } from "./sign-webhook.ts";

const NAMES = ["Ada", "José", "Łukasz", "O’Brien", "Нина", "李", "Zoë 🙂", 'Quo"te', "Back\\slash"];

test("the official libraries accept each of ten thousand requests", () => {
  const secrets = [1, 2].map(() => `whsec_${randomBytes(32).toString("base64")}`);
  const [standard, svix] = [
    new StandardWebhook(secrets[0] ?? ""),
    new SvixWebhook(secrets[1] ?? ""),
  ];
  const keys = secrets.map(keyOfSecret);
  const batchId = randomUUID();
  const now = new Date();
  const ids = new Set<string>();
  for (let row = 1; row <= 10_000; row += 1) {
    const lead = {
      leadUuid: randomUUID(),
      batchId,
      tenantId: batchId,
      rowNumber: row,
      leadId: `lead.${row}.01011990`,
      firstName: NAMES[row % NAMES.length] ?? "",
      lastName: NAMES[(row * 7) % NAMES.length] ?? "",
      dob: "01/01/1990",
      status: row % 3 === 0 ? ("invalid" as const) : ("valid" as const),
      errors: [],
      warnings: [],
      validatedAt: now.toISOString(),
      webhookScheduledFor: now.toISOString(),
    };
    const { body, headers } = buildRequest({
      deliveryId: randomUUID(),
      content: contentOf(lead),
      url: "https://hooks.example.com/",
      secrets: { keys, headers: { "x-team": "sales" }, identity: null },
      userAgent: "valify-batch/test",
      now,
    });
    standard.verify(body, { ...headers });
    svix.verify(body, { ...headers });
    ids.add(headers["webhook-id"] ?? "");
  }
  assert.equal(ids.size, 10_000);
});
