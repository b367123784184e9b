import assert from "node:assert/strict";
import { createHmac, createPublicKey, generateKeyPairSync, randomBytes, verify } from "node:crypto";
import { test } from "node:test";

import { Webhook as StandardWebhook } from "standardwebhooks";
import { Webhook as SvixWebhook } from "svix";

import { keyOfSecret, type SigningKey, signatureOf, webhookIdOf } from "./sign-webhook.ts";

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const key = keyOfSecret(secret);
const id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const timestamp = 1_614_265_330;
const signed = (keys: readonly SigningKey[], body: string, of = id, at = timestamp) =>
  signatureOf(keys, of, at, Buffer.from(body));
const ED25519_SECRET =
  "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";

test("the HMAC signatures are those of the published vectors", () => {
  const vectors = [
    ['{"test": 2432232314}', "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="],
    ["", "v1,v48jdbgvh29KJz2Qc+ghw8G6vG3nAKnujWBg8oM/62A="],
    [
      '{"first_name":"José","last_name":"Łukasz-O’Brien 🙂"}',
      "v1,3/2FoZ3elkDKGhPQyMjxmWtxZrkRJLAW9I4b/qfl+Es=",
    ],
  ] as const;
  for (const [body, signature] of vectors) {
    assert.equal(signed([key], body), signature);
  }
  const other = keyOfSecret("whsec_plJ3nmyCDGBKInavdOK15jsl");
  const ping = '{"event_type":"ping","data":{"success":true}}';
  assert.equal(
    signed([other], ping, "msg_loFOjxBNrRLzqYUf", 1_731_705_121),
    "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=",
  );
});

test("the ed25519 signature is that of the published vector", () => {
  assert.equal(
    signed([keyOfSecret(ED25519_SECRET)], '{"test": 2432232314}'),
    "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==",
  );
});

const keyOfText = (text: string) =>
  keyOfSecret(`whsec_${Buffer.from(text).toString("base64")}`).key;

test("a key keeps every byte of its secret: the vectors of GitHub and Convoy come out", () => {
  assert.equal(
    createHmac("sha256", keyOfText("It's a Secret to Everybody"))
      .update("Hello, World!")
      .digest("hex"),
    "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
  );
  assert.equal(
    createHmac("sha256", keyOfText("convoy-webhook-secret"))
      .update('1700000000,{"event":"charge.success","amount":1000,"currency":"NGN"}')
      .digest("hex"),
    "77b8b9269f25a199846a55a2bd25b3fba151c70fdae60bb1dcd87fbbc943c55c",
  );
});

test("each key signs, the newest first, and either receiver accepts the request", () => {
  const oldSecret = "whsec_plJ3nmyCDGBKInavdOK15jsl";
  const newSecret = `whsec_${randomBytes(32).toString("base64")}`;
  const now = Math.floor(Date.now() / 1_000);
  const body = '{"first_name":"José"}';
  const keys = [newSecret, oldSecret].map(keyOfSecret);
  const header = signed(keys, body, id, now);
  const newest = signed([keyOfSecret(newSecret)], body, id, now);
  assert.equal(header, `${newest} ${signed([keyOfSecret(oldSecret)], body, id, now)}`);
  const headers = {
    "webhook-id": id,
    "webhook-timestamp": String(now),
    "webhook-signature": header,
  };
  for (const held of [newSecret, oldSecret]) {
    new StandardWebhook(held).verify(body, headers);
    new SvixWebhook(held).verify(body, headers);
  }
  assert.throws(() => new StandardWebhook(secret).verify(body, headers));
  assert.throws(() => new StandardWebhook(newSecret).verify(`${body} `, headers));
});

test("an ed25519 signature is accepted by its public key alone", () => {
  const pair = generateKeyPairSync("ed25519");
  const raw = pair.publicKey.export({ format: "der", type: "spki" }).subarray(-32);
  const seed = pair.privateKey.export({ format: "der", type: "pkcs8" }).subarray(-32);
  const whsk = `whsk_${Buffer.concat([seed, raw]).toString("base64")}`;
  const [version, signature = ""] = signed([keyOfSecret(whsk)], "{}", id, 1).split(",");
  assert.equal(version, "v1a");
  const content = Buffer.from(`${id}.1.{}`);
  assert.ok(verify(null, content, pair.publicKey, Buffer.from(signature, "base64")));
  const stranger = createPublicKey(generateKeyPairSync("ed25519").privateKey);
  assert.ok(!verify(null, content, stranger, Buffer.from(signature, "base64")));
});

test("a webhook's id is header-safe, within 64 characters, and holds no dot", () => {
  const webhookId = webhookIdOf("018f3b1e-0000-5000-8000-00000000000d");
  assert.equal(webhookId, "msg_018f3b1e00005000800000000000000d");
  assert.match(webhookId, /^[A-Za-z0-9_-]{1,64}$/);
});
