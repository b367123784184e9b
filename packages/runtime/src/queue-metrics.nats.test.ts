import assert from "node:assert/strict";
import { test } from "node:test";

import { batchUploaded } from "@valify/contracts";

import { bus, durable, eventuallyDone, start, upload } from "./consumer-fixture.ts";
import { createLogger } from "./logger.ts";
import { createMetrics } from "./metrics.ts";
import { startQueueMetrics } from "./queue-metrics.ts";
import { startStreamMetrics } from "./stream-metrics.ts";

const log = createLogger("test", "fatal");

/** Reads the gauges once, as they are now. */
async function look(name: string): Promise<string> {
  const metrics = createMetrics("test", "0");
  await using _ = await startQueueMetrics(
    { bus, log, metrics },
    { stream: "BATCH", durable: name },
  );
  const { body } = await metrics.render();
  return body
    .split("\n")
    .filter((line) => line.startsWith("valify_queue"))
    .join("\n");
}

test("shows what waits in front of a durable, and for how long", async () => {
  const name = await durable();
  assert.match(await look(name), /age_seconds\{.*\} 0$/m);
  await bus.publishAll(batchUploaded, [upload(), upload(), upload()]);
  const waiting = await look(name);
  assert.match(waiting, /state="pending"\} 3$/m);
  assert.match(waiting, /state="ack_pending"\} 0$/m);
  assert.match(waiting, /age_seconds\{.*\} \d*\.\d+$/m);
  assert.match(waiting, /stream="BATCH",consumer="test-/);
  await using _ = await start({ durable: name, handle: async () => {} });
  await eventuallyDone(name);
  assert.match(await look(name), /state="pending"\} 0$/m);
});

test("a durable that is not there is logged, and nothing falls over", async () => {
  assert.doesNotMatch(await look("nobody"), /pending/);
});

test("shows how full every stream is, dead letters included", async () => {
  await bus.publishMessage({
    subject: "dlq.batch.uploaded",
    messageId: "BATCH:test:1",
    headers: {},
    payload: new Uint8Array(1_000),
  });
  const metrics = createMetrics("test", "0");
  await using _ = await startStreamMetrics({ bus, log, metrics });
  const { body } = await metrics.render();
  assert.match(body, /valify_stream_messages\{stream="DLQ"\} 1$/m);
  assert.match(body, /valify_stream_messages\{stream="WEBHOOKS"\} 0$/m);
  const [, fill] = /valify_stream_fill_ratio\{stream="DLQ"\} (\S+)$/m.exec(body) ?? [];
  assert.ok(Number(fill) > 1_000 / 2 ** 30 && Number(fill) < 2_000 / 2 ** 30, fill);
});
