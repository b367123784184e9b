import assert from "node:assert/strict";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { type AddressInfo, connect, type Socket } from "node:net";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

import { API_KEY, createTestApp, type TestApp, upload } from "./test-support.ts";

// Goal: of an upload whose client leaves nothing is left: no object, no batch, no slot.
// Method: real sockets, destroyed at several points of the form, more of them than there are slots.

const CLIENTS = 12;
const DEADLINE_MS = 10_000;
const FORM_BYTES = 200_000;

let begun = 0;
let t: TestApp;
const unasked = () => assert.fail("not asked here");
const admission = {
  refusal() {
    begun += 1;
    return null;
  },
  refresh: async () => {},
  view: unasked,
  memory: unasked,
};
before(async () => {
  t = await createTestApp({ admission });
  await t.app.listen({ host: "127.0.0.1", port: 0 });
});
after(() => t[Symbol.asyncDispose]());

async function waitFor(isDone: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS;
  while (!(await isDone())) {
    assert.ok(Date.now() < deadline, `no ${what} within ${DEADLINE_MS} ms`);
    await pause(5);
  }
}

async function traces() {
  const files = await readdir(t.folder, { recursive: true, withFileTypes: true });
  const { rows } = await t.owner.query(
    `select (select count(*) from ingest.batches) as batches, (select count(*) from ingest.outbox)
       as events, (select count(*) from ingest.usage_entries) as usage`,
  );
  return { files: files.filter((entry) => entry.isFile()).length, ...rows[0] };
}

function connectionCount(): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  t.app.server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
  return promise;
}

/** Says that more is to come, sends `form`, and is read by the server. */
async function beginUpload(form: string): Promise<Socket> {
  const address: AddressInfo | string | null = t.app.server.address();
  assert.ok(address !== null && typeof address === "object");
  const socket = connect(address.port, "127.0.0.1");
  await once(socket, "connect");
  const head =
    `POST /upload_batch HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${API_KEY}\r\n` +
    `content-type: multipart/form-data; boundary=b\r\ncontent-length: ${FORM_BYTES}\r\n\r\n`;
  const seen = begun;
  socket.write(head + form);
  await waitFor(async () => begun > seen, "upload that begins");
  return socket;
}

const FILE_HEAD = `--b\r\ncontent-disposition: form-data; name="file"; filename="x.csv"\r\n\r\n`;
const LEADS = "first_name,last_name,dob\r\nAda,Quillfeather,15/03/1990\r\n";

const POINTS: Readonly<Record<string, string>> = {
  "before the file": "--b\r\ncontent-disp",
  "in the middle of the file": `${FILE_HEAD}${LEADS}`,
  "behind the whole file, with the form still open": `${FILE_HEAD}${LEADS}\r\n--b\r\n`,
};

for (const [point, form] of Object.entries(POINTS)) {
  test(`a client that leaves ${point} leaves nothing behind`, async () => {
    const tracesBefore = await traces();
    for (let count = 0; count < CLIENTS; count += 1) {
      const socket = await beginUpload(form);
      socket.destroy();
    }
    await waitFor(async () => (await connectionCount()) === 0, "end of all connections");
    assert.deepEqual(await traces(), tracesBefore);
    // Were a slot lost with each of them, none would be left for this one.
    const next = await upload(t.app);
    assert.equal(next.statusCode, 202, next.body);
  });
}
