import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { startNats } from "./nats.ts";

const silent = () => {};

test("a stream survives kill -9 and a clean stop, on the same port", async () => {
  await using folder = await temporaryFolder();
  await using nats = await startNats({ storeDir: folder.path, log: silent });
  const { url, port, pid } = nats;
  const stream = { name: "KEPT", subjects: ["kept"], storage: "file" };
  const created = await request(port, "$JS.API.STREAM.CREATE.KEPT", JSON.stringify(stream));
  assert.match(created, /"did_create":true/);
  assert.match(await request(port, "kept", "a message"), /"seq":1/);

  await nats.kill9();
  await nats.restart();
  assert.equal(nats.url, url);
  assert.notEqual(nats.pid, pid);
  assert.match(await request(port, "$JS.API.STREAM.INFO.KEPT", ""), /"messages":1/);

  await nats.restart();
  assert.match(await request(port, "$JS.API.STREAM.INFO.KEPT", ""), /"messages":1/);
});

test("a second server on the same store is refused", async () => {
  await using folder = await temporaryFolder();
  await using nats = await startNats({ storeDir: folder.path, log: silent });
  await assert.rejects(startNats({ storeDir: folder.path, log: silent }), {
    name: "StartError",
    message: `nats-server already runs on ${folder.path} (process ${nats.pid}): stop it first`,
  });
});

/** One request in the protocol's own words: deploy/local has no client package. */
async function request(port: number, subject: string, body: string): Promise<string> {
  const socket = connect(port, "127.0.0.1").setEncoding("utf8");
  socket.write(`CONNECT {"verbose":false}\r\nSUB answer 1\r\n`);
  socket.write(`PUB ${subject} answer ${Buffer.byteLength(body)}\r\n${body}\r\n`);
  let received = "";
  const signal = AbortSignal.timeout(10_000);
  // The answer's body is one line of JSON behind its MSG line.
  while (!/MSG answer .*\r\n.*\r\n/.test(received)) {
    const [text]: string[] = await once(socket, "data", { signal });
    received += text ?? "";
  }
  socket.destroy();
  return received;
}

async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "valify-nats-test-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}
