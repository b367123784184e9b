import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { uuidOfBatchId } from "@valify/contracts";
import type { BatchView } from "@valify/contracts/api";

import {
  AUTH,
  codeOf,
  createTestApp,
  setRun,
  type TestApp,
  uploadedBatch,
} from "./test-support.ts";

let t: TestApp;
let address: string;
before(async () => {
  t = await createTestApp({ config: { streamsMax: 2 } });
  address = await t.app.listen({ host: "127.0.0.1", port: 0 });
});
after(() => t[Symbol.asyncDispose]());

interface StreamEvent {
  readonly event: string;
  readonly id: number;
  readonly data: BatchView & { readonly reason?: string };
}

/** A stream over a real socket; `next` is undefined at its end. */
async function openStream(url: string, headers: Record<string, string> = {}) {
  const abort = new AbortController();
  const response = await fetch(url, { headers: { ...AUTH, ...headers }, signal: abort.signal });
  const events = parseEvents(response);
  return {
    response,
    close: () => abort.abort(),
    next: async () => (await events.next()).value,
  };
}

async function* parseEvents({ body }: Response): AsyncGenerator<StreamEvent, undefined> {
  let text = "";
  for await (const chunk of body ?? []) {
    text += Buffer.from(chunk).toString();
    const blocks = text.split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const fields = new Map(
        block.split("\n").map((line) => [line.split(": ")[0], line.slice(line.indexOf(": ") + 2)]),
      );
      const event = fields.get("event");
      if (event === undefined) continue;
      yield { event, id: Number(fields.get("id")), data: JSON.parse(fields.get("data") ?? "{}") };
    }
  }
  return undefined;
}

const urlOf = (batchId: string) => `${address}/batch_events/${batchId}`;

test("tells the state at once, every change, and goodbye at the end", async () => {
  const { batchId } = await uploadedBatch(t.app);
  const batchUuid = uuidOfBatchId(batchId);
  const stream = await openStream(urlOf(batchId));
  const { headers } = stream.response;
  assert.equal(headers.get("content-type"), "text/event-stream; charset=utf-8");
  assert.equal(headers.get("cache-control"), "no-cache, no-transform");
  assert.equal(headers.get("x-accel-buffering"), "no");

  const first = await stream.next();
  assert.deepEqual([first?.event, first?.id, first?.data.status], ["status", 1, "pending"]);
  const status = await t.app.inject({ url: `/batch_status/${batchId}`, headers: AUTH });
  assert.deepEqual(first?.data, status.json());

  await setRun(t.owner, batchUuid, { status: "processing", valid: 1 });
  const second = await stream.next();
  assert.deepEqual(
    [second?.id, second?.data.status, second?.data.valid_leads],
    [2, "processing", 1],
  );

  await setRun(t.owner, batchUuid, { status: "completed", valid: 2 });
  assert.equal((await stream.next())?.data.status, "completed");
  const bye = await stream.next();
  assert.deepEqual([bye?.event, bye?.data.reason], ["bye", "finished"]);
  assert.equal(await stream.next(), undefined);
});

test("a client that was cut off gets the newest state at once, under the next id", async () => {
  const { batchId } = await uploadedBatch(t.app);
  const stream = await openStream(urlOf(batchId));
  assert.deepEqual(await told(stream), [1, "pending", 0]);
  stream.close();
  // Two changes that nobody saw: only what holds now is told, once.
  for (const valid of [1, 2]) {
    await setRun(t.owner, uuidOfBatchId(batchId), { status: "processing", valid });
  }
  const again = await openStream(urlOf(batchId), { "last-event-id": "1" });
  assert.deepEqual(await told(again), [2, "processing", 2]);
  await setRun(t.owner, uuidOfBatchId(batchId), { status: "completed", valid: 2 });
  assert.deepEqual(await told(again), [3, "completed", 2]);
  again.close();
  // Behind the end too: whoever missed it hears it, and that there is no more to come.
  const late = await openStream(urlOf(batchId), { "last-event-id": "2" });
  assert.deepEqual(await told(late), [3, "completed", 2]);
  assert.equal((await late.next())?.data.reason, "finished");
  const strange = await openStream(urlOf(batchId), { "last-event-id": "no number" });
  assert.deepEqual(await told(strange), [1, "completed", 2]);
  strange.close();
});

async function told({ next }: Awaited<ReturnType<typeof openStream>>) {
  const event = await next();
  return [event?.id, event?.data.status, event?.data.valid_leads];
}

test("refuses one stream too many, and takes one again when a client has left", async () => {
  const { batchId } = await uploadedBatch(t.app);
  const retryUntil = async (status: number) => {
    const deadline = Date.now() + 10_000;
    for (;;) {
      const stream = await openStream(urlOf(batchId));
      if (stream.response.status === status) return stream;
      stream.close();
      assert.ok(Date.now() < deadline, `no ${status} within 10 s`);
    }
  };
  // Streams of the tests before may still be on their way out.
  const first = await retryUntil(200);
  const second = await retryUntil(200);
  const refused = await openStream(urlOf(batchId));
  assert.equal(refused.response.status, 503);
  const problem = await refused.response.json();
  assert.equal(codeOf({ json: () => problem }), "TOO_MANY_STREAMS");
  first.close();
  (await retryUntil(200)).close();
  second.close();
});

test("says goodbye when the process ends, which then does not wait for it", async () => {
  const own = await createTestApp();
  const origin = await own.app.listen({ host: "127.0.0.1", port: 0 });
  const { batchId } = await uploadedBatch(own.app);
  const stream = await openStream(`${origin}/batch_events/${batchId}`);
  assert.equal((await stream.next())?.event, "status");
  const closed = own[Symbol.asyncDispose]();
  const bye = await stream.next();
  assert.deepEqual([bye?.event, bye?.data.reason], ["bye", "draining"]);
  await closed;
});
