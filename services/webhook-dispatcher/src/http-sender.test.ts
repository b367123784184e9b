import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { after, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";

import { createAddressGuard } from "@valify/runtime";

import { createHttpSender } from "./http-sender.ts";

const guard = createAddressGuard({ allowedCidrs: ["127.0.0.0/8", "::1/128"], allowHttp: true });
const sender = createHttpSender({ guard, totalTimeoutMs: 500 });
const servers = new AsyncDisposableStack();
after(async () => {
  await sender[Symbol.asyncDispose]();
  await servers.disposeAsync();
});

/** A server that answers like this; returns its address and the requests it saw. */
async function serve(listener: RequestListener) {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  servers.defer(() => {
    server.close().closeAllConnections();
  });
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  return `http://127.0.0.1:${address.port}/hook?x=1`;
}

const send = (url: string, body = "{}") =>
  sender.send({ url, headers: { "content-type": "application/json" }, body });

test("posts exactly the given bytes and reports the answer", async () => {
  let received = "";
  const url = await serve((request, response) => {
    received += request.url;
    request.on("data", (chunk) => (received += String(chunk)));
    request.on("end", () => response.writeHead(202).end("thanks"));
  });
  const result = await send(url, '{"name":"José"}');
  assert.equal(received, '/hook?x=1{"name":"José"}');
  assert.equal(result.outcome, "delivered");
  assert.equal(result.statusCode, 202);
  assert.equal(result.responseBody, "thanks");
});

test("a redirect is not followed", async () => {
  let requests = 0;
  const url = await serve((_request, response) => {
    requests += 1;
    response.writeHead(302, { location: "/elsewhere" }).end();
  });
  const result = await send(url);
  assert.equal(result.outcome, "http_3xx");
  assert.equal(requests, 1);
});

test("an endless answer is cut at 16 KiB, and the next request still goes out", async () => {
  const url = await serve((_request, response) => {
    response.writeHead(200);
    const chunk = Buffer.alloc(65_536, "x");
    const more = () => {
      while (response.write(chunk));
    };
    response.on("drain", more);
    more();
  });
  const result = await send(url);
  assert.equal(result.outcome, "delivered");
  assert.equal(result.responseBody?.length, 16_384);
  assert.equal((await send(url)).outcome, "delivered");
});

test("an answer that never comes, or drips, ends at the deadline", async () => {
  const silent = await serve(() => {});
  assert.equal((await send(silent)).outcome, "timeout_response");
  const dripping = await serve((_request, response) => {
    response.writeHead(200);
    const drip = setInterval(() => response.write("."), 20);
    response.on("close", () => clearInterval(drip));
  });
  const result = await send(dripping);
  assert.equal(result.outcome, "timeout_response");
});

test("a closed port, a broken connection and a garbled answer are told apart", async () => {
  assert.equal((await send("http://127.0.0.1:1/")).outcome, "connect_refused");
  const broken = await serve((request) => request.socket.destroy());
  assert.equal((await send(broken)).outcome, "reset");
  const unresolvable = await send("http://no-such-host.invalid/");
  assert.equal(unresolvable.outcome, "dns");
});

test("a NUL in the answer is replaced, since Postgres text cannot hold it", async () => {
  const url = await serve((_request, response) => response.end("a\0b"));
  assert.equal((await send(url)).responseBody, "a\uFFFDb");
});

test("a private address is refused before a socket opens, by literal and by name", async () => {
  let connections = 0;
  const url = await serve((_request, response) => {
    connections += 1;
    response.end();
  });
  await using strict = createHttpSender({ guard: createAddressGuard({ allowHttp: true }) });
  const webhook = { headers: {}, body: "{}" };
  const { port } = new URL(url);
  const literal = await strict.send({ ...webhook, url });
  const named = await strict.send({ ...webhook, url: `http://localhost:${port}/` });
  assert.equal(literal.outcome, "ssrf_blocked");
  assert.equal(named.outcome, "ssrf_blocked");
  assert.equal(connections, 0);
});

test("plain http is refused unless it is allowed", async () => {
  const onlyTls = createAddressGuard({ allowedCidrs: ["127.0.0.0/8"] });
  await using strict = createHttpSender({ guard: onlyTls });
  const result = await strict.send({ url: "http://127.0.0.1:9/", headers: {}, body: "" });
  assert.equal(result.outcome, "ssrf_blocked");
});

test("a name that points elsewhere a moment later opens no socket to loopback", async () => {
  let connections = 0;
  const server = createServer((_request, response) => response.end()).listen(0, "127.0.0.1");
  server.on("connection", () => (connections += 1));
  await once(server, "listening");
  servers.defer(() => void server.close());
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  let lookups = 0;
  const rebinding = createAddressGuard({
    allowHttp: true,
    // Public when the endpoint is stored, loopback, alone or behind a public one, from then on.
    resolve: async () => {
      lookups += 1;
      const open = { address: "93.184.215.14", family: 4 };
      const loopback = { address: "127.0.0.1", family: 4 };
      return lookups === 1 ? [open] : lookups === 2 ? [loopback] : [open, loopback];
    },
  });
  const url = `http://rebind.example:${address.port}/hook`;
  assert.equal(await rebinding.inspect(new URL(url)), "allowed");
  await using strict = createHttpSender({ guard: rebinding });
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const result = await strict.send({ url, headers: {}, body: "{}" });
    assert.equal(result.outcome, "ssrf_blocked");
  }
  assert.equal(lookups, 4);
  assert.equal(connections, 0);
});

test("the answer's headers are kept, its secrets masked, its words to us apart", async () => {
  const url = await serve((_request, response) => {
    response.setHeader("set-cookie", ["session=CANARY"]);
    response.writeHead(429, { "Retry-After": "7", "Webhook-Delivery": "disable" }).end();
  });
  const result = await send(url);
  assert.equal(result.retryAfter, "7");
  assert.equal(result.webhookDelivery, "disable");
  assert.equal(result.responseHeaders?.["set-cookie"], "[masked]");
  assert.equal(result.responseHeaders?.["retry-after"], "7");
});

test("what fits is not called truncated, what does not fit is", async () => {
  const url = await serve((request, response) => {
    request.on("data", (chunk: Buffer) => response.end("x".repeat(Number(String(chunk)))));
  });
  for (const [bytes, isTruncated] of [
    [16_384, false],
    [16_385, true],
  ] as const) {
    const result = await send(url, String(bytes));
    assert.equal(result.responseBody?.length, 16_384);
    assert.equal(result.responseTruncated, isTruncated);
  }
});

test("the first request on a connection tells how it was opened, the next that it was there", async () => {
  const port = new URL(await serve((_request, response) => response.end())).port;
  await using fresh = createHttpSender({ guard });
  const webhook = { url: `http://localhost:${port}/`, headers: {}, body: "{}" };
  const { trace: first } = await fresh.send(webhook);
  assert.match(first.remoteAddress ?? "", /^127\.|^::1$/);
  assert.ok(first.connection !== null);
  assert.ok((first.connection.dnsMs ?? -1) >= 0 && (first.connection.connectMs ?? -1) >= 0);
  assert.equal(first.connection.tlsMs, null);
  assert.ok((first.firstByteMs ?? -1) >= 0);
  // The client gives its connection back after it has told us the end of the answer.
  await turn();
  const { trace: second } = await fresh.send(webhook);
  assert.equal(second.connection, null);
  assert.equal(second.remoteAddress, first.remoteAddress);
});

test("a connection that fails tells how far it came", async () => {
  const { trace } = await send("http://127.0.0.1:1/");
  assert.deepEqual(trace.connection, { dnsMs: null, connectMs: null, tlsMs: null });
  assert.equal(trace.remoteAddress, null);
  const broken = await serve((request) => request.socket.destroy());
  const { trace: reset } = await send(broken);
  assert.equal(reset.remoteAddress, "127.0.0.1");
  assert.equal(reset.firstByteMs, null);
});
