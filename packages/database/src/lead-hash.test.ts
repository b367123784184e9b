import assert from "node:assert/strict";
import { createHmac, hkdfSync } from "node:crypto";
import { test } from "node:test";

import { createLeadHash } from "./lead-hash.ts";

const SECRET = "0123456789abcdef0123456789abcdef";
const TENANT = "5a1f0d3c-8e47-4b62-9c15-7d2e6b90a4f8";
const LEAD = "zelka.vlorena.15031990";

test("is an HMAC-SHA-256 of tenant and lead, as anybody else would make it", () => {
  const key = Buffer.from(hkdfSync("sha256", SECRET, "", "valify lead hashes v1", 32));
  for (const leadId of [LEAD, `${"a".repeat(200)}.${"b".repeat(100)}.00000000`]) {
    const hmac = createHmac("sha256", key).update(`${TENANT} ${leadId}`).digest("hex");
    assert.equal(createLeadHash(SECRET)(TENANT, leadId), hmac.slice(0, 32));
  }
});

test("another tenant, another lead or another key is another hash", () => {
  const hashes = [
    createLeadHash(SECRET)(TENANT, LEAD),
    createLeadHash(SECRET)(TENANT.replace("5", "6"), LEAD),
    createLeadHash(SECRET)(TENANT, LEAD.replace("z", "y")),
    createLeadHash(`${SECRET}0`)(TENANT, LEAD),
  ];
  assert.equal(new Set(hashes).size, 4);
});
