import assert from "node:assert/strict";
import { test } from "node:test";

import { readStartOptions } from "./start-options.ts";

const defaults = { ingest: 8080, validator: 8081, scheduler: 8082, dispatcher: 8083 };

function refused(args: readonly string[], env: Record<string, string>, message: RegExp): void {
  assert.throws(() => readStartOptions(args, env), { name: "StartError", message });
}

test("without a word from the user the ports are 8080 to 8083 on loopback", () => {
  const options = readStartOptions([], { PORT: "" });
  assert.deepEqual(options.ports, defaults);
  assert.equal(options.host, "127.0.0.1");
  assert.equal(options.demo, false);
});

test("each service's port has its own variable, --port-base moves all four", () => {
  assert.deepEqual(readStartOptions([], { PORT: "9000", SCHEDULER_PORT: "9002" }).ports, {
    ...defaults,
    ingest: 9000,
    scheduler: 9002,
  });
  const moved = { ingest: 9100, validator: 9101, scheduler: 9102, dispatcher: 9103 };
  assert.deepEqual(readStartOptions(["--port-base", "9100"], { PORT: "9000" }).ports, moved);
});

test("a port or an option that can't be meant is refused by its name", () => {
  refused([], { VALIDATOR_PORT: "80x" }, /^VALIDATOR_PORT must be a port/);
  refused(["--port-base=0"], {}, /^--port-base must be a port/);
  refused([], { PORT: "8082" }, /^port 8082 is given to two services/);
  refused(["--prot", "1"], {}, /--prot/);
});
