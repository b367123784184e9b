import assert from "node:assert/strict";
import { test } from "node:test";

import { headers } from "@nats-io/transport-node";

import { createHeaderBlock, headerLine } from "./header-block.ts";

const headerBlock = createHeaderBlock((text) => new TextEncoder().encode(text));

function encoded(block: object): string {
  assert.ok("encode" in block && typeof block.encode === "function");
  return new TextDecoder().decode(block.encode());
}

test("a block is the bytes that the client would write", () => {
  const values = { "Nats-Msg-Id": "lead.validated:1:v1", "ce-source": "/valify/validator" };
  const theirs = headers();
  for (const [name, value] of Object.entries(values)) theirs.set(name, value);
  const lines = Object.entries(values).map(([name, value]) => headerLine(name, value));
  assert.equal(encoded(headerBlock(lines.join(""))), encoded(theirs));
});

test("a value that would begin a header of its own is refused", () => {
  for (const value of ["x\r\nvalify-tenant: another", "x\n", "x\r"]) {
    assert.throws(() => headerLine("ce-id", value), /header ce-id holds a line break/);
  }
});
