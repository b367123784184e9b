import assert from "node:assert/strict";
import { test } from "node:test";

import { BatchView } from "@valify/contracts/api";

import { leadCsv } from "../support/lead-csv.ts";
import { startStack } from "../support/stack.ts";

const LEADS = 3_000;

// Goal: a page can show progress without asking again and again.
// Method: the stream is opened right after the upload and read until the batch is completed.
test("the event stream shows progress until the batch is completed", async () => {
  await using stack = await startStack();
  const { batch_id: batchId } = await stack.api.upload(leadCsv({ valid: LEADS }));

  const response = await stack.api.request("GET", `/batch_events/${batchId}`);
  assert.equal(response.status, 200);
  assert.match(response.headers.get("content-type") ?? "", /^text\/event-stream/);
  const views: BatchView[] = [];
  for await (const view of viewsOf(response)) {
    views.push(view);
    if (view.status === "completed") break;
  }

  const last = views.at(-1);
  assert.equal(last?.batch_id, batchId);
  assert.equal(last?.valid_leads, LEADS);
  const progress = views.map((view) => view.processed_leads);
  assert.deepEqual(
    progress,
    progress.toSorted((a, b) => a - b),
    "progress never goes back",
  );
  assert.deepEqual(last, await stack.api.batchStatus(batchId), "it says what the status page says");
});

async function* viewsOf(response: Response): AsyncGenerator<BatchView> {
  assert(response.body !== null);
  let text = "";
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const events = text.split("\n\n");
    text = events.pop() ?? "";
    for (const event of events) {
      const data = event.split("\n").find((line) => line.startsWith("data:"));
      if (data !== undefined) yield BatchView.parse(JSON.parse(data.slice("data:".length)));
    }
  }
}
