import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";

import { startHealthServer } from "./health-server.ts";
import { createHealth, type HealthCheck } from "./health.ts";
import { createMetrics } from "./metrics.ts";

function serve(check: HealthCheck) {
  const health = createHealth({ database: check });
  const metrics = createMetrics("validator", "1.2.3");
  return startHealthServer({ host: "127.0.0.1", port: 0, health, metrics });
}

const works = async () => {};
const fails = () => Promise.reject(new Error("connection refused"));

test("answers its probes and its metrics over a socket", async () => {
  await using server = await serve(works);
  const get = (path: string) => fetch(`http://127.0.0.1:${server.port}${path}`);

  const live = await get("/health/live");
  assert.equal(live.status, 200);
  assert.deepEqual(await live.json(), { status: "live" });

  const ready = await get("/health/ready");
  assert.equal(ready.status, 200);
  assert.deepEqual(await ready.json(), { status: "ready", failing: [] });

  const metrics = await get("/metrics");
  assert.equal(metrics.status, 200);
  assert.match(metrics.headers.get("content-type") ?? "", /^text\/plain/);
  const page = await metrics.text();
  assert.match(page, /^valify_build_info\{service="validator",version="1\.2\.3"\} 1$/m);
  assert.match(page, /^process_resident_memory_bytes /m);

  assert.equal((await get("/other")).status, 404);
});

test("is not ready while a dependency fails, and alive all the same", async () => {
  await using server = await serve(fails);
  const get = (path: string) => fetch(`http://127.0.0.1:${server.port}${path}`);
  const ready = await get("/health/ready");
  assert.equal(ready.status, 503);
  assert.deepEqual(await ready.json(), { status: "not ready", failing: ["database"] });
  assert.equal((await get("/health/live")).status, 200);
});

test("a used port is refused by name", async () => {
  await using server = await serve(works);
  const second = startHealthServer({
    host: "127.0.0.1",
    port: server.port,
    health: createHealth({}),
    metrics: createMetrics("validator", "1.2.3"),
  });
  await assert.rejects(second, { code: "EADDRINUSE" });
});

test("disposal ends open connections and frees the port", async () => {
  const server = await serve(works);
  const socket = connect(server.port, "127.0.0.1");
  const ended = once(socket, "close");
  socket.on("error", () => {}).resume();
  // Half a request: nobody could wait for the other half.
  await new Promise((resolve) => {
    socket.write("GET /health/live HTTP/1.1\r\n", resolve);
  });
  await (await fetch(`http://127.0.0.1:${server.port}/health/live`)).text();
  await server[Symbol.asyncDispose]();
  await ended;
  await assert.rejects(fetch(`http://127.0.0.1:${server.port}/health/live`));
});
