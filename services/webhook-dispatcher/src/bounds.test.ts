import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Worker } from "node:worker_threads";

import { createAddressGuard } from "@valify/runtime";
import { eventually } from "@valify/runtime/testing";

import type { AttemptOutcome } from "./domain/attempt-outcome.ts";
import { HEALTHY } from "./domain/endpoint-health.ts";
import { createHttpSender, type HttpSender } from "./http-sender.ts";
import { judgeExchange } from "./judge-exchange.ts";
import { faultCertificates } from "./testing/fault-certificates.ts";
import { type FaultServer, startFaultServer } from "./testing/fault-server.ts";
import { type FaultName, faults } from "./testing/faults.ts";

// The certificates that are only out of date or somebody else's must fail for that alone.
setDefaultCACertificates([...getCACertificates("default"), faultCertificates.authority]);

let faulty: FaultServer;
let sender: HttpSender;
before(async () => {
  faulty = await startFaultServer();
  const guard = createAddressGuard({ allowedCidrs: ["127.0.0.0/8", "::1/128"], allowHttp: true });
  sender = createHttpSender({ guard, totalTimeoutMs: 1_500, connectTimeoutMs: 500 });
});
after(async () => {
  await sender[Symbol.asyncDispose]();
  await faulty[Symbol.asyncDispose]();
});

const send = (url: string) => sender.send({ url, headers: {}, body: "{}" });

/** Each fault and the class of the attempt that meets it. */
const EXPECTED: readonly (readonly [FaultName, AttemptOutcome])[] = [
  ["ok", "delivered"],
  ["no_content", "delivered"],
  ["slow_down_7", "http_4xx"],
  ["slow_down_date", "http_4xx"],
  ["slow_down_garbage", "http_4xx"],
  ["slow_down_year", "http_4xx"],
  ["unavailable_7", "http_5xx"],
  ["gone", "http_4xx"],
  ["refused", "http_4xx"],
  ["broken", "http_5xx"],
  ["abort_message", "http_4xx"],
  ["disable", "http_4xx"],
  ["redirect_301_nowhere", "http_3xx"],
  ["redirect_302", "http_3xx"],
  ["redirect_307", "http_3xx"],
  ["redirect_308", "http_3xx"],
  ["hang", "timeout_response"],
  ["drip_body", "timeout_response"],
  ["drip_head", "timeout_response"],
  // A 2xx is a 2xx: how much else it says does not matter, nor is it read.
  ["endless_body", "delivered"],
  ["huge_body", "delivered"],
  ["gzip_bomb", "delivered"],
  ["header_flood", "reset"],
  ["endless_head", "reset"],
  ["invalid_utf8", "delivered"],
  ["not_http", "reset"],
  ["hang_up", "reset"],
  ["reset_at_once", "reset"],
  ["reset_in_head", "reset"],
  ["reset_in_body", "reset"],
  ["close_after", "delivered"],
  ["early_hints", "delivered"],
  // Undici refuses a 100 that nobody asked for.
  ["continue_unasked", "reset"],
];

for (const [fault, outcome] of EXPECTED) {
  test(`a receiver that does "${fault}" gives ${outcome}`, async () => {
    const seen = faulty.requests.length;
    const result = await send(faulty.url(fault));
    assert.equal(result.outcome, outcome);
    // One request, whatever it was answered: nothing is followed, nothing repeated.
    assert.equal(faulty.requests.length - seen, 1);
    assert.ok((result.responseBody ?? "").length <= 16_384);
  });
}

test("every fault has its expected class", () => {
  const names = EXPECTED.map(([fault]) => fault);
  assert.deepEqual(new Set(names), new Set(Object.keys(faults)));
});

/** Each way to ask for patience, and for how long it is given. */
const PATIENCE_SECONDS: readonly (readonly [FaultName, number, number])[] = [
  ["slow_down_7", 7, 7],
  // Whole seconds, of another clock: it may ask for one less.
  ["slow_down_date", 5, 7],
  ["slow_down_garbage", 60, 60],
  ["slow_down_year", 6 * 3_600, 6 * 3_600],
  ["unavailable_7", 7, 7],
];

for (const [fault, least, most] of PATIENCE_SECONDS) {
  test(`a receiver that does "${fault}" is left alone for ${most} s, which costs no attempt`, async () => {
    const result = await send(faulty.url(fault));
    const delivery = { cycleAttempts: 0, isProbe: false };
    const { decision, signal } = judgeExchange(delivery, result, HEALTHY, [1_000]);
    assert.deepEqual([decision.waitReason, decision.isSpent], ["throttled", false]);
    assert.equal(signal?.kind, "throttled");
    const endedMs = result.startedAt.getTime() + result.durationMs;
    const waitSeconds = ((decision.nextAttemptAt?.getTime() ?? 0) - endedMs) / 1_000;
    assert.ok(waitSeconds >= least - 0.01 && waitSeconds <= most + 0.01, `${waitSeconds} s`);
  });
}

test("bytes that are no UTF-8 are replaced", async () => {
  assert.equal((await send(faulty.url("invalid_utf8"))).responseBody, "o\uFFFD\uFFFDk");
});

test("a receiver on IPv6 alone is reached", async () => {
  assert.equal((await send(faulty.ipv6Url("ok"))).outcome, "delivered");
});

for (const certificate of ["expired", "selfSigned", "wrongHost"] as const) {
  test(`a certificate that is ${certificate} gives tls, and the receiver no request`, async () => {
    const seen = faulty.requests.length;
    assert.equal((await send(faulty.tlsUrl(certificate))).outcome, "tls");
    assert.equal(faulty.requests.length, seen);
  });
}

test("a receiver that never shakes hands gives timeout_connect", async () => {
  assert.equal((await send(faulty.tlsUrl("mute"))).outcome, "timeout_connect");
});

// Goal: whatever DNS says later, the address that was allowed is not the licence for another one.
// Method: the test is the name server; it answers with a public address once and with loopback then.
test("a name that flips to loopback opens no connection", async () => {
  const answers = ["203.0.114.7", "127.0.0.1"];
  const guard = createAddressGuard({
    allowHttp: true,
    resolve: async () => [{ address: answers.shift() ?? "127.0.0.1", family: 4 }],
  });
  const url = faulty.url("ok", "flip.example");
  assert.equal(await guard.inspect(new URL(url)), "allowed");
  await using strict = createHttpSender({ guard, totalTimeoutMs: 1_000 });
  const opened = faulty.connections();
  const result = await strict.send({ url, headers: {}, body: "{}" });
  assert.equal(result.outcome, "ssrf_blocked");
  assert.equal(faulty.connections(), opened);
});

// Goal: no answer makes us grow. Method: forty answers of each kind that would be large if read
// whole (1 GiB, endless, 32 MiB unpacked); the memory in use is watched all the while, so that a bound
// that is missing shows within a second; and what stays of it afterwards.
test("answers without end, bombs and floods leave the heap flat", async () => {
  const worker = new Worker(new URL("testing/fault-server-worker.ts", import.meta.url));
  await using _ = { [Symbol.asyncDispose]: async () => void (await worker.terminate()) };
  const [origin]: readonly unknown[] = await once(worker, "message");
  const kinds = ["endless_body", "huge_body", "gzip_bomb", "header_flood", "endless_head"] as const;
  const rounds = async (times: number) => {
    for (let time = 0; time < times; time += 1) {
      await Promise.all(kinds.map((kind) => send(`${String(origin)}/${kind}`)));
    }
  };
  // What is kept for good: agents, compiled code. Bounded too, or it would hide what comes then.
  await withinBytes(bytesInUse() + 64 * MIB, () => rounds(5));
  collectGarbage();
  const usedBefore = bytesInUse();
  await withinBytes(usedBefore + 64 * MIB, () => rounds(40));
  // Sockets are freed a moment after they are closed.
  await eventually(() => {
    collectGarbage();
    return bytesInUse() - usedBefore < 5 * MIB;
  }, "what the answers took to be free again");
});

/** Rejects as soon as more is in use, however long the work would still take. */
async function withinBytes(bytesMax: number, work: () => Promise<void>): Promise<void> {
  const { promise: tooMuch, reject } = Promise.withResolvers<never>();
  const look = () => {
    const bytes = bytesInUse();
    if (bytes > bytesMax) reject(new Error(`${bytes} bytes in use, of at most ${bytesMax}`));
  };
  const watch = setInterval(look, 5);
  try {
    await Promise.race([work(), tooMuch]);
  } finally {
    clearInterval(watch);
  }
}

const MIB = 1_024 * 1_024;

function bytesInUse(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  if (typeof collect === "function") collect();
}
