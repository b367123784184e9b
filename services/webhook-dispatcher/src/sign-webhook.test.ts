import assert from "node:assert/strict";
import { test } from "node:test";

import { keyOfSecret, signatureOf, webhookIdOf } from "./sign-webhook.ts";

const key = keyOfSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
const id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const timestamp = 1_614_265_330;

test("the signatures are those of the published vectors", () => {
  const vectors = [
    ['{"test": 2432232314}', "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="],
    ["", "v1,v48jdbgvh29KJz2Qc+ghw8G6vG3nAKnujWBg8oM/62A="],
    [
      '{"first_name":"José","last_name":"Łukasz-O’Brien 🙂"}',
      "v1,3/2FoZ3elkDKGhPQyMjxmWtxZrkRJLAW9I4b/qfl+Es=",
    ],
  ] as const;
  for (const [body, signature] of vectors) {
    assert.equal(signatureOf(key, id, timestamp, body), signature);
  }
  const other = keyOfSecret("whsec_plJ3nmyCDGBKInavdOK15jsl");
  const ping = '{"event_type":"ping","data":{"success":true}}';
  assert.equal(
    signatureOf(other, "msg_loFOjxBNrRLzqYUf", 1_731_705_121, ping),
    "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=",
  );
});

test("a webhook's id is header-safe, within 64 characters, and holds no dot", () => {
  const webhookId = webhookIdOf("018f3b1e-0000-5000-8000-00000000000d");
  assert.equal(webhookId, "msg_018f3b1e00005000800000000000000d");
  assert.match(webhookId, /^[A-Za-z0-9_-]{1,64}$/);
});
