import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:https";
import { after, before, test } from "node:test";
import { getCACertificates, setDefaultCACertificates, TLSSocket } from "node:tls";

import { createAddressGuard } from "@valify/runtime";
import { testCertificates } from "@valify/runtime/testing";

import type { ClientIdentity } from "./endpoint-secrets.ts";
import { createHttpSender } from "./http-sender.ts";

const { authority, server: ofServer, client, otherClient } = testCertificates;
setDefaultCACertificates([...getCACertificates("default"), authority]);

const guard = createAddressGuard({ allowedCidrs: ["127.0.0.0/8"] });
const sender = createHttpSender({ guard, totalTimeoutMs: 5_000 });
/** A receiver that lets in whoever shows a certificate of the authority, and says whose. */
const server = createServer(
  {
    cert: ofServer.certificate,
    key: ofServer.key,
    ca: authority,
    requestCert: true,
    rejectUnauthorized: false,
  },
  (request, response) => {
    assert.ok(request.socket instanceof TLSSocket);
    const { subject } = request.socket.getPeerCertificate();
    response.end(subject?.CN ?? "nobody");
  },
);
let connections = 0;
server.on("secureConnection", () => (connections += 1));

before(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});
after(async () => {
  await sender[Symbol.asyncDispose]();
  server.close().closeAllConnections();
});

async function whoAmI(identity: ClientIdentity | null): Promise<string | null> {
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  const url = `https://127.0.0.1:${address.port}/`;
  const result = await sender.send({ url, headers: {}, body: "{}", identity });
  assert.equal(result.outcome, "delivered");
  return result.responseBody;
}

test("a receiver is shown the endpoint's own certificate, on connections of its own", async () => {
  assert.equal(await whoAmI(client), "Test client");
  assert.equal(await whoAmI(otherClient), "Other client");
  assert.equal(await whoAmI(null), "nobody");
  const opened = connections;
  assert.equal(await whoAmI({ ...client }), "Test client");
  assert.equal(await whoAmI(null), "nobody");
  assert.equal(connections, opened, "the connections are kept");
});
