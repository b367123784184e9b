import assert from "node:assert/strict";
import { test } from "node:test";

import { runCrash } from "../crash/crash-run.ts";

// Goal: what was scheduled is emitted, each once, none early, whatever dies at whatever moment.
// Method: the short form of `npm run crash`: SIGKILL of replicas, Postgres and NATS while wake-ups
// fall due, then a reading of the whole stream.
test("8,000 wake-ups survive kill -9 of schedulers, Postgres and NATS", async (t) => {
  const wakeUps = 8_000;
  const result = await runCrash({
    wakeUps,
    kills: 6,
    pauseMs: 200,
    perSecond: 800,
    seed: 7,
    replicas: 3,
    durable: false,
    messageEvery: 10,
    drainMs: 90_000,
  });
  const { emitted, missing, doubled, unknown, early, pending, deadLetters, kills } = result;
  assert.deepEqual(
    { emitted, missing, doubled, unknown, early, pending, deadLetters },
    { emitted: wakeUps, missing: 0, doubled: 0, unknown: 0, early: 0, pending: 0, deadLetters: 0 },
  );
  assert(kills.atWork >= 3, `${kills.atWork} kills struck at work`);
  t.diagnostic(JSON.stringify({ ...kills, seconds: Math.round(result.seconds) }));
});
