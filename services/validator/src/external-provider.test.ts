import assert from "node:assert/strict";
import { after, beforeEach, test } from "node:test";

import { createAddressGuard } from "@valify/runtime";
import { Webhook } from "standardwebhooks";

import { createExternalProvider, type ExternalProviderOptions } from "./external-provider.ts";
import {
  agreeing,
  answerWith,
  type FakeProvider,
  startFakeProvider,
} from "./testing/fake-provider.ts";

// Goal: a provider that is slow, wrong or down costs a bounded time and never a wrong verdict.
// Method: a real server on loopback that misbehaves as it is told.

const SECRET = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
const LOOPBACK = { allowedCidrs: ["127.0.0.0/8"], allowHttp: true };
const stack = new AsyncDisposableStack();
after(() => stack.disposeAsync());

let fake: FakeProvider;
beforeEach(async () => {
  fake = stack.use(await startFakeProvider());
});

function providerWith(options: Partial<ExternalProviderOptions> = {}) {
  return stack.use(
    createExternalProvider({
      url: fake.url,
      name: "ACME",
      secret: SECRET,
      guard: createAddressGuard(LOOPBACK),
      timeoutMs: 2_000,
      retryDelayMs: 1,
      ...options,
    }),
  );
}

const question = {
  batchId: "batch_01j8x3v5k7m9n1p2q4r6s8t0vw",
  leads: [
    { row: 4, first_name: "Zelka", last_name: "Vlorena", dob: "15/03/1990" },
    { row: 9, first_name: "Zelki", last_name: "Vlorena", dob: "16/03/1990" },
  ],
};

test("signs what it sends, names the chunk by ids alone, and reads the answer", async () => {
  fake.behave((response) => {
    const findings = [{ code: "NO_MATCH", severity: "error", message: "no match" }];
    answerWith(response, { results: [{ row: 9, status: "invalid", findings }] });
  });
  const reply = await providerWith().ask(question);
  assert.equal(reply.kind, "answered");
  assert.equal(reply.findings.get(9)?.[0]?.code, "EXT_ACME_NO_MATCH");
  assert.equal(reply.findings.get(4)?.[0]?.code, "EXT_ACME_UNKNOWN");
  const [sent] = fake.received;
  assert.ok(sent);
  const verified = new Webhook(SECRET).verify(sent.rawBody, sent.headers);
  assert.deepEqual(verified, { batch_id: question.batchId, leads: question.leads });
  assert.equal(sent.headers["idempotency-key"], `${question.batchId}:4`);
  assert.doesNotMatch(JSON.stringify(sent.headers), /zelk|vlorena|1990/i);
});

test("comes back after what may pass, at most three times, always as the same question", async () => {
  fake.behave((response, asked) => {
    if (fake.received.length < 4) answerWith(response, "busy", 503);
    else agreeing(response, asked);
  });
  assert.equal((await providerWith().ask(question)).kind, "answered");
  const keys = fake.received.map(({ headers }) => headers["idempotency-key"]);
  assert.deepEqual([keys.length, new Set(keys).size], [4, 1]);

  fake.behave((response) => answerWith(response, "busy", 429));
  const provider = providerWith();
  fake.received.length = 0;
  assert.deepEqual(await provider.ask(question), { kind: "unavailable", reason: "status_429" });
  assert.equal(fake.received.length, 4);
});

const final = [
  ["a refusal", (response) => answerWith(response, "no", 401), "status_401"],
  ["a redirect", (response) => response.writeHead(302, { location: "/" }).end(), "status_302"],
  ["no JSON", (response) => answerWith(response, "<html>"), "answer_malformed"],
  ["JSON of another shape", (response) => answerWith(response, { ok: true }), "answer_malformed"],
  [
    "an endless answer",
    (response) => answerWith(response, "x".repeat(2_000_000)),
    "answer_too_large",
  ],
] as const satisfies readonly (readonly [string, Parameters<FakeProvider["behave"]>[0], string])[];
for (const [what, behaviour, reason] of final) {
  test(`${what} is no answer, and is not asked for again`, async () => {
    fake.behave(behaviour);
    assert.deepEqual(await providerWith().ask(question), { kind: "unavailable", reason });
    assert.equal(fake.received.length, 1);
  });
}

test("an answer that does not come in time is none", async () => {
  fake.behave(() => {});
  const reply = await providerWith({ timeoutMs: 50 }).ask(question);
  assert.deepEqual(reply, { kind: "unavailable", reason: "timeout" });
  assert.equal(fake.received.length, 4);
});

test("a connection that is cut, and a server that is not there, are no answer", async () => {
  fake.behave((response) => response.destroy());
  assert.equal((await providerWith().ask(question)).kind, "unavailable");
  const provider = providerWith();
  await fake[Symbol.asyncDispose]();
  assert.equal((await provider.ask(question)).kind, "unavailable");
});

test("after five failures in a row nobody asks, until one try after the pause succeeds", async () => {
  fake.behave((response) => answerWith(response, "down", 500));
  const provider = providerWith({ breakerPauseMs: 100 });
  await provider.ask(question);
  await provider.ask(question);
  assert.equal(fake.received.length, 5, "the second question stops at the fifth failure");
  assert.deepEqual(await provider.ask(question), { kind: "unavailable", reason: "circuit_open" });
  assert.equal(fake.received.length, 5);
  fake.behave(agreeing);
  const deadlineMs = performance.now() + 10_000;
  while ((await provider.ask(question)).kind !== "answered") {
    assert.ok(performance.now() < deadlineMs, "it never asked again");
    await new Promise(setImmediate);
  }
  assert.equal(fake.received.length, 6);
});

test("no request leaves for an address that is not public, or without TLS", async () => {
  const guards = [
    createAddressGuard({ allowHttp: true }),
    createAddressGuard({ allowedCidrs: ["127.0.0.0/8"] }),
  ];
  for (const guard of guards) {
    const reply = await providerWith({ guard }).ask(question);
    assert.deepEqual(reply, { kind: "unavailable", reason: "address_refused" });
  }
  assert.deepEqual(fake.received, []);
});
