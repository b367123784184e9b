import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";

import Fastify from "fastify";

import { boundClose } from "./bounded-close.ts";

async function listen(deadlineMs: number, answer: () => Promise<string>) {
  const app = Fastify({ forceCloseConnections: "idle" });
  boundClose(app, deadlineMs);
  app.get("/", answer);
  const address = new URL(await app.listen({ host: "127.0.0.1", port: 0 }));
  return { app, address, port: Number(address.port) };
}

const LONG_MS = 60_000;

test("does not wait for a connection on which nothing was sent", async () => {
  const { app, port } = await listen(LONG_MS, async () => "");
  const accepted = once(app.server, "connection");
  const silent = connect(port, "127.0.0.1");
  await accepted;
  const ended = once(silent, "close");
  silent.resume();
  await app.close();
  await ended;
});

test("waits for a request under way", async () => {
  const begun = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<string>();
  const { app, address } = await listen(LONG_MS, () => {
    begun.resolve();
    return gate.promise;
  });
  const answer = fetch(address);
  await begun.promise;
  const closed = app.close();
  gate.resolve("done");
  assert.equal(await (await answer).text(), "done");
  await closed;
});

test("ends a request that outlasts the deadline", async () => {
  const begun = Promise.withResolvers<void>();
  const { app, address } = await listen(1, () => {
    begun.resolve();
    return new Promise(() => {});
  });
  const answer = fetch(address);
  answer.catch(() => {});
  await begun.promise;
  await app.close();
  await assert.rejects(answer);
});
