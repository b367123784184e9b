import assert from "node:assert/strict";
import { test } from "node:test";

import { formatPasswordHash, parsePasswordHash, PASSWORD_COST } from "./password-hash.ts";

const hash = { ...PASSWORD_COST, salt: Buffer.alloc(16, 7), tag: Buffer.alloc(32, 200) };

test("the text says how the hash was made, and gives it back", () => {
  const text = formatPasswordHash(hash);
  assert.match(text, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[^$=]{22}\$[^$=]{43}$/);
  assert.deepEqual(parsePasswordHash(text), hash);
});

for (const text of ["", "x", "$argon2i$v=19$m=1,t=1,p=1$AA$AA", "$argon2id$v=19$m=1,t=1,p=1$AA"]) {
  test(`no hash is read out of ${JSON.stringify(text)}`, () => {
    assert.equal(parsePasswordHash(text), null);
  });
}
