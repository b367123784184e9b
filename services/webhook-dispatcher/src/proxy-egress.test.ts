import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttpServer, type RequestListener, type Server } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { after, before, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { getCACertificates, setDefaultCACertificates, TLSSocket } from "node:tls";

import { createAddressGuard } from "@valify/runtime";
import { testCertificates } from "@valify/runtime/testing";

import { parseProxyUrl } from "./domain/proxy-address.ts";
import { createHttpSender } from "./http-sender.ts";
import { startTestProxy, type TestProxy } from "./testing/test-proxy.ts";

const { authority, server: ofServer, client } = testCertificates;
const ofHooks = { cert: ofServer.certificate, key: ofServer.key };
setDefaultCACertificates([...getCACertificates("default"), authority]);

/** What the names of this file stand for: addresses that only a proxy of the test's leads to. */
const ADDRESS = "203.0.114.7";
const answer: RequestListener = (request, response) => {
  if (request.url === "/hang") return;
  const { socket } = request;
  if (request.url === "/reset") {
    socket.destroy();
    return;
  }
  const caller = socket instanceof TLSSocket ? socket.getPeerCertificate().subject?.CN : undefined;
  response.end(caller ?? "nobody");
};
const receivers = {
  plain: createHttpServer(answer),
  tls: createHttpsServer(
    { ...ofHooks, ca: authority, requestCert: true, rejectUnauthorized: false },
    answer,
  ),
};
before(async () => {
  for (const server of Object.values(receivers)) {
    await once(server.listen(0, "127.0.0.1"), "listening");
  }
});
after(() => {
  for (const server of Object.values(receivers)) server.close().closeAllConnections();
});

const portOf = (server: Server) => {
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  return address.port;
};

const startProxy = (tls?: { readonly cert: string; readonly key: string }) =>
  startTestProxy(
    (target) => ({ toPort: portOf(target.endsWith(":80") ? receivers.plain : receivers.tls) }),
    { ...(tls && { tls }) },
  );

interface SenderOptions {
  readonly lookUp?: () => string[];
  readonly url?: string;
  /** Long, unless the test waits for its end. */
  readonly timeoutMs?: number;
}

/** A sender through this proxy; what names stand for is said by the test. */
function senderBy(
  proxy: TestProxy,
  { lookUp = () => [ADDRESS], url, timeoutMs = 10_000 }: SenderOptions = {},
) {
  const guard = createAddressGuard({
    allowHttp: true,
    resolve: async () => lookUp().map((address) => ({ address, family: 4 })),
  });
  const sender = createHttpSender({
    guard,
    proxy: parseProxyUrl(url ?? `http://127.0.0.1:${proxy.port}`),
    totalTimeoutMs: timeoutMs,
    connectTimeoutMs: timeoutMs,
  });
  return {
    send: (to: string, identity: typeof client | null = null) =>
      sender.send({ url: to, headers: {}, body: "{}", identity }),
    [Symbol.asyncDispose]: () => sender[Symbol.asyncDispose](),
  };
}

test("the proxy is told the judged address and never the name; TLS, certificates too, is inside", async () => {
  await using proxy = await startProxy();
  await using sender = senderBy(proxy);
  const first = await sender.send("https://hooks.example/x", client);
  assert.deepEqual([first.outcome, first.responseBody], ["delivered", "Test client"]);
  assert.equal(first.trace.remoteAddress, ADDRESS);
  const { dnsMs, connectMs, tlsMs } = first.trace.connection ?? {};
  for (const ms of [dnsMs, connectMs, tlsMs]) assert.ok(typeof ms === "number" && ms >= 0);
  await turn();
  const second = await sender.send("https://hooks.example/x", client);
  assert.equal(second.trace.connection, null, "the tunnel is kept");
  assert.equal(second.trace.remoteAddress, ADDRESS);
  assert.equal((await sender.send("https://hooks.example/x")).responseBody, "nobody");
  assert.deepEqual(proxy.targets(), [`${ADDRESS}:443`, `${ADDRESS}:443`], "one for each identity");
  assert.doesNotMatch(proxy.heads.join(), /hooks\.example|authorization|connection: close/i);
});

test("a receiver without TLS is reached by CONNECT as well", async () => {
  await using proxy = await startProxy();
  await using sender = senderBy(proxy);
  const { outcome, trace } = await sender.send("http://hooks.example/x");
  assert.equal(outcome, "delivered");
  assert.equal(trace.remoteAddress, ADDRESS);
  assert.deepEqual(proxy.targets(), [`${ADDRESS}:80`]);
});

test("a proxy may be spoken to over TLS, with a name and a password", async () => {
  await using proxy = await startProxy(ofHooks);
  const url = `https://user:pass@localhost:${proxy.port}`;
  await using sender = senderBy(proxy, { url });
  const { outcome, responseBody } = await sender.send("https://hooks.example/x", client);
  assert.deepEqual([outcome, responseBody], ["delivered", "Test client"]);
  assert.match(proxy.heads[0] ?? "", /\r\nproxy-authorization: Basic dXNlcjpwYXNz\r\n/i);
});

test("a certificate of somebody else is refused inside the tunnel", async () => {
  await using proxy = await startProxy();
  await using sender = senderBy(proxy);
  assert.equal((await sender.send("https://elsewhere.example/x")).outcome, "tls");
});

test("no CONNECT leaves for an address that is not public, by literal, name or a name that flips", async () => {
  await using proxy = await startProxy();
  // Public when the endpoint was stored; since then loopback, alone or behind a public one.
  const answers = [
    ["127.0.0.1"],
    [ADDRESS, "127.0.0.1"],
    ["::ffff:127.0.0.1"],
    ["169.254.169.254"],
  ];
  await using sender = senderBy(proxy, { lookUp: () => answers.shift() ?? ["127.0.0.1"] });
  for (const url of [
    "https://127.0.0.1/",
    "https://[::1]/",
    "https://a.example/",
    "https://b.example/",
    "https://c.example/",
    "http://d.example/",
  ]) {
    assert.equal((await sender.send(url)).outcome, "ssrf_blocked", url);
  }
  assert.deepEqual(proxy.heads, []);
});

test("a receiver that breaks off or keeps us waiting is to blame while the proxy is there", async () => {
  await using proxy = await startProxy();
  await using sender = senderBy(proxy, { timeoutMs: 1_000 });
  assert.equal((await sender.send("https://hooks.example/reset")).outcome, "reset");
  assert.equal((await sender.send("https://hooks.example/hang")).outcome, "timeout_response");
});

test("a proxy that dies with requests in its tunnels, or freezes, is our fault", async () => {
  for (const end of ["kill", "freeze"] as const) {
    await using proxy = await startProxy();
    await using sender = senderBy(proxy, { timeoutMs: 1_500 });
    const asked = once(receivers.tls, "request");
    const underWay = sender.send("https://hooks.example/hang");
    await asked;
    await proxy[end]();
    assert.equal((await underWay).outcome, "internal", end);
    const { outcome, trace } = await sender.send("http://hooks.example/x");
    assert.equal(outcome, "internal", end);
    assert.equal(trace.remoteAddress, null);
    assert.ok(trace.connection !== null && trace.connection.connectMs === null);
  }
});

test("a name that is not answered for is classed as without a proxy", async () => {
  await using proxy = await startProxy();
  await using sender = senderBy(proxy, {
    lookUp: () => {
      throw Object.assign(new Error("x"), { code: "ENOTFOUND" });
    },
  });
  assert.equal((await sender.send("https://gone.example/")).outcome, "dns");
  assert.deepEqual(proxy.heads, []);
});
