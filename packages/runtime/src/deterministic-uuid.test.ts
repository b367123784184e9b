import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

import { deterministicUuid } from "./deterministic-uuid.ts";

const batch = "0191a2b3-c4d5-4e6f-8a9b-0c1d2e3f4a5b";

// Computed by another implementation of RFC 9562. If these change, every lead and every delivery
// already announced gets a new identity.
test("gives the version 5 uuid of the parts, for ever the same", () => {
  assert.equal(deterministicUuid(batch, 1), "629aa13c-0965-59d8-b9c1-ca81332c5685");
  assert.equal(deterministicUuid(batch, "10000"), "d07a885d-66ae-5786-bc5e-5c5e4ef9f1a1");
  assert.equal(deterministicUuid(), "d7f00168-3389-557b-ba45-f6dd0fd853de");
});

test("every uuid says version 5 and the RFC's variant, and no two rows share one", () => {
  const seen = new Set<string>();
  for (let row = 1; row <= 10_000; row += 1) {
    const uuid = deterministicUuid(batch, row);
    assert.match(uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    seen.add(uuid);
  }
  assert.equal(seen.size, 10_000);
});

test("the parts count in their order", () => {
  assert.notEqual(deterministicUuid("a", "b"), deterministicUuid("b", "a"));
  assert.notEqual(deterministicUuid("ab"), deterministicUuid("a", "b"));
});

test("a name of any length, in any letters, is the hash of all of its bytes", () => {
  const namespace = Buffer.from("b1f5a6e0c2d94c7d8f3e6a0d5c4b7a91", "hex");
  for (const name of ["x", "李".repeat(79), "李".repeat(80), "李".repeat(81), "z".repeat(1_000)]) {
    const digest = createHash("sha1").update(namespace).update(name).digest("hex");
    const uuid = deterministicUuid(name).replaceAll("-", "");
    assert.equal(uuid.slice(0, 12) + uuid.slice(17), digest.slice(0, 12) + digest.slice(17, 32));
  }
});
