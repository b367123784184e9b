import { randomBytes } from "node:crypto";

import type { EventContract } from "@valify/contracts";

import { headerLine } from "./header-block.ts";
import { instantText } from "./instant-text.ts";
import { createSpanIds, traceparentOf } from "./trace-context.ts";

export interface EncodedEvent {
  readonly subject: string;
  readonly headerLines: string;
  readonly payload: string;
}

/** CloudEvents 1.0, binary mode: attributes as headers, the event as the body. */
export function createEventEncoder(source: string) {
  const fixedLines = new Map<string, string>();
  const spanId = createSpanIds(randomBytes(8).readBigUInt64BE());

  /** Whoever listens sees the batch, and the trace from its upload to its last webhook. */
  const batchLines = (batchId: string) =>
    headerLine("valify-batch", batchId) +
    headerLine("traceparent", traceparentOf(batchId, spanId()));

  /** What every event of a contract has in common is put together once. */
  function fixedLinesOf<Event extends object>({ subject, type, version }: EventContract<Event>) {
    const known = fixedLines.get(type);
    if (known !== undefined) return known;
    const lines =
      headerLine("ce-specversion", "1.0") +
      headerLine("ce-source", source) +
      headerLine("ce-type", type) +
      headerLine("ce-dataschema", `urn:valify:${subject}:v${version}`) +
      headerLine("ce-datacontenttype", "application/json");
    fixedLines.set(type, lines);
    return lines;
  }

  return function encodeEvent<Event extends object>(
    contract: EventContract<Event>,
    event: Event,
  ): EncodedEvent {
    const id = contract.eventId(event);
    const tenantId: unknown = "tenant_id" in event ? event.tenant_id : undefined;
    const batchId: unknown = "batch_id" in event ? event.batch_id : undefined;
    const headerLines =
      headerLine("Nats-Msg-Id", id) +
      headerLine("ce-id", id) +
      headerLine("ce-time", instantText(new Date())) +
      fixedLinesOf(contract) +
      (typeof tenantId === "string" ? headerLine("valify-tenant", tenantId) : "") +
      (typeof batchId === "string" ? batchLines(batchId) : "");
    return { subject: contract.subject, headerLines, payload: JSON.stringify(event) };
  };
}
