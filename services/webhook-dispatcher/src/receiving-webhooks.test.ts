import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import type { IncomingHttpHeaders, Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";

import { keyOfSecret, signatureOf } from "./sign-webhook.ts";

// Goal: what docs/receiving-webhooks.md tells receivers to do accepts us, and nobody else.
// Method: its TypeScript examples, cut out of the page and run, against the cases of the official
// library's own test and the published vectors.

interface Examples {
  verifyWebhook(
    secret: string,
    headers: IncomingHttpHeaders,
    rawBody: Buffer,
    nowSeconds?: number,
  ): void;
  createReceiver(secret: string, keep: (webhookId: string, body: string) => Promise<void>): Server;
  isSignedBy(whpk: string, signed: Buffer, signature: string): boolean;
}

const PAGE = join(import.meta.dirname, "../../../docs/receiving-webhooks.md");
const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ID = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const BODY = '{"test": 2432232314}';
const NOW = 1_614_265_330;

let folder = "";
let examples: Examples;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "valify-docs-"));
  const page = await readFile(PAGE, "utf8");
  const blocks = [...page.matchAll(/```ts\n(.*?)```/gs)].map(([, code = ""]) => code);
  assert.equal(blocks.length, 2);
  const files = await Promise.all(
    blocks.map(async (code, index) => {
      const file = join(folder, `example-${index}.mts`);
      await writeFile(file, code);
      return import(pathToFileURL(file).href);
    }),
  );
  examples = Object.assign({}, ...files);
});
after(() => rm(folder, { recursive: true }));

function headersOf(changes: IncomingHttpHeaders = {}): IncomingHttpHeaders {
  return {
    "webhook-id": ID,
    "webhook-timestamp": String(NOW),
    "webhook-signature": signatureOf([keyOfSecret(SECRET)], ID, NOW, Buffer.from(BODY)),
    ...changes,
  };
}

const verify = (headers: IncomingHttpHeaders, secret = SECRET, body = BODY) =>
  examples.verifyWebhook(secret, headers, Buffer.from(body), NOW);

test("a valid signature is accepted, with and without the secret's prefix", () => {
  verify(headersOf());
  verify(headersOf(), SECRET.slice("whsec_".length));
});

test("the published vectors are accepted, the empty body included", () => {
  for (const [body, signature] of [
    [BODY, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="],
    ["", "v1,v48jdbgvh29KJz2Qc+ghw8G6vG3nAKnujWBg8oM/62A="],
    [
      '{"first_name":"José","last_name":"Łukasz-O’Brien 🙂"}',
      "v1,3/2FoZ3elkDKGhPQyMjxmWtxZrkRJLAW9I4b/qfl+Es=",
    ],
  ] as const) {
    verify(headersOf({ "webhook-signature": signature }), SECRET, body);
  }
});

test("one valid signature among others is enough, wherever it stands", () => {
  const valid = String(headersOf()["webhook-signature"]);
  const others = [
    "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=",
    "v2,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=",
  ];
  for (const all of [
    [valid, ...others],
    [...others, valid],
  ]) {
    verify(headersOf({ "webhook-signature": all.join(" ") }));
  }
});

const valid = "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
for (const [what, changes] of [
  ["without an id", { "webhook-id": undefined }],
  ["without a timestamp", { "webhook-timestamp": undefined }],
  ["without a signature", { "webhook-signature": undefined }],
  ["with a timestamp that is no number", { "webhook-timestamp": "hello" }],
  [
    "with another signature",
    { "webhook-signature": "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=" },
  ],
  ["with a part of the signature", { "webhook-signature": `v1,${valid.slice(0, 8)}` }],
  ["with an empty signature", { "webhook-signature": "v1," }],
  ["with a signature of another version", { "webhook-signature": `v2,${valid}` }],
  ["with another id", { "webhook-id": "msg_other" }],
  ["that is too old", { "webhook-timestamp": String(NOW - 301) }],
  ["that is too new", { "webhook-timestamp": String(NOW + 301) }],
] as const) {
  test(`a request ${what} is refused`, () => {
    const headers = headersOf(changes);
    const timestamp = Number(headers["webhook-timestamp"]);
    if (what.startsWith("that is too")) {
      headers["webhook-signature"] = signatureOf(
        [keyOfSecret(SECRET)],
        ID,
        timestamp,
        Buffer.from(BODY),
      );
    }
    assert.throws(() => verify(headers));
  });
}

test("another body or another secret is refused, and so is an empty secret", () => {
  assert.throws(() => verify(headersOf(), SECRET, `${BODY} `));
  assert.throws(() => verify(headersOf(), `whsec_${randomBytes(32).toString("base64")}`));
  assert.throws(() => verify(headersOf(), "whsec_"));
});

test("the receiver keeps a webhook before it answers, and lets nobody else in", async () => {
  const kept = new Map<string, string>();
  let isBroken = false;
  const server = examples.createReceiver(SECRET, async (id, body) => {
    if (isBroken) throw new Error("no database");
    kept.set(id, body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  const now = Math.floor(Date.now() / 1_000);
  const signature = signatureOf([keyOfSecret(SECRET)], ID, now, Buffer.from(BODY));
  const post = async (body: string) => {
    const response = await fetch(`http://127.0.0.1:${address.port}/`, {
      method: "POST",
      headers: {
        "webhook-id": ID,
        "webhook-timestamp": String(now),
        "webhook-signature": signature,
      },
      body,
    });
    return response.status;
  };
  assert.equal(await post(BODY), 204);
  assert.deepEqual([...kept], [[ID, BODY]]);
  assert.equal(await post("{}"), 401);
  isBroken = true;
  assert.equal(await post(BODY), 503);
  server.close().closeAllConnections();
});

test("the ed25519 vector is accepted by its public key, and by no other", () => {
  const whsk =
    "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";
  const signature =
    "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==";
  const spki = createPublicKey(
    createPrivateKey(keyOfSecret(whsk).key.export({ format: "pem", type: "pkcs8" })),
  );
  const raw = spki.export({ format: "der", type: "spki" }).subarray(-32).toString("base64");
  const signed = Buffer.from(`${ID}.${NOW}.${BODY}`);
  assert.ok(examples.isSignedBy(`whpk_${raw}`, signed, signature));
  assert.ok(!examples.isSignedBy(`whpk_${raw}`, Buffer.from("other"), signature));
  assert.ok(!examples.isSignedBy(`whpk_${randomBytes(32).toString("base64")}`, signed, signature));
});
