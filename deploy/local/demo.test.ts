import assert from "node:assert/strict";
import { test } from "node:test";

import { findProblems } from "./demo.ts";

type Webhook = Parameters<typeof findProblems>[0][number];

const webhook: Webhook = {
  id: "msg_1",
  timestamp: "1790000000",
  headers: {},
  rawBody: "",
  verified: true,
  atMs: Date.parse("2026-11-22T10:00:05.000Z"),
  body: {
    id: "ada.thornfield.15031990",
    first_name: "Ada",
    last_name: "Thornfield",
    dob: "15/03/1990",
    validation_status: "valid",
    validation_timestamp: "2026-11-22T10:00:00.000Z",
    batch_id: "batch_01m80nyjmsecqb3q8atwyrfnhf",
    webhook_scheduled_for: "2026-11-22T10:00:05.000Z",
    lead_uuid: "0f1b2c3d-0000-5000-8000-000000000001",
    row: 1,
    errors: [],
    warnings: [],
  },
};
const leads = [webhook.body.lead_uuid];
const problemsOf = (...received: Webhook[]) => findProblems(received, leads).join("; ");

test("one verified webhook per lead, at its time, is no problem", () => {
  assert.deepEqual(findProblems([webhook], leads), []);
});

test("a webhook missing, repeated, unsigned, early or of a stranger is a problem", () => {
  assert.match(problemsOf(), /notified 0 times/);
  assert.match(problemsOf(webhook, webhook), /notified 2 times/);
  assert.match(problemsOf({ ...webhook, verified: false }), /signature/);
  assert.match(problemsOf({ ...webhook, atMs: webhook.atMs - 1 }), /came early/);
  const other = { ...webhook, body: { ...webhook.body, lead_uuid: "another" } };
  assert.match(problemsOf(webhook, other), /not of the batch/);
});
