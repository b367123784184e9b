import assert from "node:assert/strict";
import { test } from "node:test";

import { createSecretBox } from "./secret-box.ts";

const box = createSecretBox("a".repeat(32));

test("opens what it sealed", () => {
  for (const secret of ["", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "ü🔑", "x".repeat(10_000)]) {
    assert.equal(box.open(box.seal(secret)), secret);
  }
});

test("opens in another process what this one sealed, with the same key", () => {
  const other = createSecretBox("a".repeat(32));
  assert.equal(other.open(box.seal("secret")), "secret");
});

test("opens what the first release sealed", () => {
  const sealed = "AZHloRYmI0eTxkTGcJLLJPNurZDD2QUReg1oA5tRg8GlZoms+Etmmg0=";
  assert.equal(box.open(Buffer.from(sealed, "base64")), "whsec_frozen");
});

test("never seals the same secret twice alike, and never shows it", () => {
  const sealed = Array.from({ length: 50 }, () => box.seal("whsec_secret").toString("latin1"));
  assert.equal(new Set(sealed).size, 50);
  for (const bytes of sealed) assert.doesNotMatch(bytes, /whsec/);
});

test("refuses another key", () => {
  const other = createSecretBox("b".repeat(32));
  assert.throws(() => other.open(box.seal("secret")));
});

test("refuses bytes that were touched anywhere", () => {
  const sealed = box.seal("secret");
  for (const index of sealed.keys()) {
    const touched = Buffer.from(sealed);
    touched.writeUInt8(touched.readUInt8(index) ^ 1, index);
    assert.throws(() => box.open(touched), `byte ${index}`);
  }
});

test("refuses bytes that were cut, the tag above all", () => {
  // Nothing but version, nonce and a tag: cut down, the tag alone would have to be guessed.
  const sealed = box.seal("");
  for (let length = 0; length < sealed.length; length += 1) {
    assert.throws(() => box.open(sealed.subarray(0, length)), `${length} bytes`);
  }
});

test("a fingerprint is the same for the same text and key, and for no other", () => {
  const print = box.fingerprint("secret");
  assert.deepEqual(createSecretBox("a".repeat(32)).fingerprint("secret"), print);
  assert.notDeepEqual(box.fingerprint("secret "), print);
  assert.notDeepEqual(createSecretBox("b".repeat(32)).fingerprint("secret"), print);
});
