import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";

import { freePort, freePorts, reachable, requireFreePort } from "./ports.ts";

test("a used port is refused in one line that names the port and its variable", async () => {
  const port = await freePort();
  await requireFreePort("127.0.0.1", port, "VALIDATOR_PORT");
  const server = createServer().listen(port, "127.0.0.1");
  await once(server, "listening");
  try {
    await assert.rejects(requireFreePort("127.0.0.1", port, "VALIDATOR_PORT"), {
      name: "StartError",
      message: `port ${port} is already in use: stop what listens there, or choose another with VALIDATOR_PORT or --port-base`,
    });
  } finally {
    server.close();
  }
});

test("an address that is not ours is refused by the name of its variable", async () => {
  await assert.rejects(
    requireFreePort("192.0.2.1", 8080, "PORT"),
    /^StartError: HOST 192\.0\.2\.1/,
  );
});

test("free ports lie below those of outgoing connections, no two the same", async () => {
  const ports = await freePorts(5);
  assert.equal(new Set(ports).size, 5);
  assert.ok(ports.every((port) => port >= 20_000 && port < 32_000));
});

test("a server on every interface is reached over loopback", () => {
  assert.deepEqual(["0.0.0.0", "::", "::1", "10.0.0.7"].map(reachable), [
    "127.0.0.1",
    "[::1]",
    "[::1]",
    "10.0.0.7",
  ]);
});
