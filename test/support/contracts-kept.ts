import assert from "node:assert/strict";

import * as contracts from "@valify/contracts";

import { readEvents, subjectsOf } from "./event-reader.ts";

/** Of each subject: more of one kind were made by the same code. */
const EVENTS_MAX = 1_000;
const STREAMS = ["BATCH", "LEADS", "WEBHOOKS"] as const;

/**
 * Every event that a story left in the streams says what its contract says, and nothing else. Services
 * check the first of a list before they publish it (ADR 54), and nobody of ours consumes some of them.
 */
export async function assertContractsKept(natsUrl: string): Promise<void> {
  const known = Object.values<unknown>(contracts).filter(isContract);
  for (const subject of await subjectsOf(natsUrl, STREAMS)) {
    const contract = known.find((each) => each.subject === subject);
    assert.ok(contract !== undefined, `${subject} has a contract`);
    await readEvents(natsUrl, contract, EVENTS_MAX);
  }
}

function isContract(value: unknown): value is contracts.EventContract {
  return typeof value === "object" && value !== null && "eventId" in value;
}
