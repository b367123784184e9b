import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, test } from "node:test";

import { createTunnels } from "./open-tunnel.ts";
import { startTestProxy, type ProxyMove, type TestProxy } from "./testing/test-proxy.ts";
import type { TunnelFault } from "./tunnel-fault.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const WELL = "203.0.114.7";
const DOWN = "203.0.114.8";
/** Nothing takes as long, whatever the machine is doing. */
const PATIENCE_MS = 10_000;
/** For a wait that is meant to end in vain. */
const IMPATIENCE_MS = 600;

/** Nothing more than somebody to be connected to. */
const receiver = createServer();
let port: number;
before(async () => {
  await once(receiver.listen(0, "127.0.0.1"), "listening");
  const address = receiver.address();
  assert.ok(typeof address === "object" && address !== null);
  ({ port } = address);
});
after(() => receiver.close().closeAllConnections());

const refused = (status: number, more = "") => ({
  answer: `HTTP/1.1 ${status} No\r\n${more}content-length: 0\r\n\r\n`,
});

/** Tunnels through this proxy, on a clock of the test's own. */
function tunnelsOf(proxy: Pick<TestProxy, "port">, authorization: string | null = null) {
  const clock = { nowMs: 0 };
  const faults: TunnelFault[] = [];
  const tunnels = createTunnels({
    proxy: { isTls: false, hostname: "127.0.0.1", port: proxy.port, authorization },
    now: () => clock.nowMs,
    presenceTimeoutMs: IMPATIENCE_MS,
    onProxyFault: (fault) => void faults.push(fault),
  });
  const openWithin = async (timeoutMs: number, ...addresses: readonly string[]) => {
    const deadlineMs = performance.now() + timeoutMs;
    const { tunnel, address } = await tunnels.open(`${addresses.join()}:443`, {
      addresses,
      port: 443,
      deadlineMs,
    });
    tunnel.destroy();
    return address;
  };
  const open = (...addresses: readonly string[]) => openWithin(PATIENCE_MS, ...addresses);
  return { clock, faults, open, openWithin, isProxyThere: () => tunnels.isProxyThere() };
}

/** A proxy that reaches {@link WELL} alone, and does this for the others. */
const proxyWith = (move: () => ProxyMove) =>
  startTestProxy((target) => (target.startsWith(WELL) ? { toPort: port } : move()));

const OURS = { code: "PROXY_UNAVAILABLE" };

test("a proxy that is not there, or wants other credentials, is our fault however long", async () => {
  await using proxy = await proxyWith(() => refused(407));
  const { clock, open, faults } = tunnelsOf(proxy, "Basic c2VjcmV0");
  await assert.rejects(open(DOWN), OURS);
  clock.nowMs = 7 * HOUR_MS;
  await open(WELL);
  await assert.rejects(open(DOWN), OURS);
  await proxy.kill();
  await assert.rejects(open(WELL), OURS);
  assert.deepEqual(
    faults.map(({ message }) => message),
    ["the proxy answered 407", "the proxy answered 407", "the proxy was unreached"],
  );
  // What tells of a fault tells no credentials.
  assert.doesNotMatch(JSON.stringify(faults) + String(faults[0]?.stack), /c2VjcmV0/);
});

const UNCLEAR: readonly (readonly [string, () => ProxyMove, string])[] = [
  ["refuses", () => refused(503), "TARGET_REFUSED"],
  ["is forbidden to", () => refused(403), "TARGET_REFUSED"],
  ["waited in vain", () => refused(504), "TARGET_SILENT"],
  ["says nothing", () => "mute", "TARGET_SILENT"],
  ["hangs up", () => ({ answer: "" }), "TARGET_REFUSED"],
  ["speaks something else", () => ({ answer: "220 mail.example ESMTP\r\n" }), "TARGET_REFUSED"],
  ["answers without end", () => "flood", "TARGET_REFUSED"],
];

for (const [what, move, code] of UNCLEAR) {
  test(`a proxy that ${what} is at fault, until others have got through for two minutes`, async () => {
    await using proxy = await proxyWith(move);
    const { clock, open, openWithin } = tunnelsOf(proxy);
    const openToDown = () => openWithin(move() === "mute" ? IMPATIENCE_MS : PATIENCE_MS, DOWN);
    await open(WELL);
    await assert.rejects(openToDown(), OURS);
    clock.nowMs = HOUR_MS;
    await assert.rejects(openToDown(), OURS);
    await open(WELL);
    await assert.rejects(openToDown(), { code });
  });
}

test("an answer without end is cut, not waited for", async () => {
  await using proxy = await proxyWith(() => "flood");
  const { open, faults } = tunnelsOf(proxy);
  await assert.rejects(open(DOWN), OURS);
  assert.equal(faults[0]?.message, "the proxy was broken");
});

test("a proxy that says whose fault it is is believed at once", async () => {
  let status = "connection_refused";
  await using proxy = await proxyWith(() => refused(502, `proxy-status: p; error=${status}\r\n`));
  const { open } = tunnelsOf(proxy);
  await assert.rejects(open(DOWN), { code: "TARGET_REFUSED" });
  status = "connection_timeout";
  await assert.rejects(open(DOWN), { code: "TARGET_SILENT" });
  status = "proxy_internal_error";
  await assert.rejects(open(DOWN), OURS);
});

test("a failure that was told clearly ends what was unclear before it", async () => {
  let more = "";
  await using proxy = await proxyWith(() => refused(502, more));
  const { clock, open } = tunnelsOf(proxy);
  await assert.rejects(open(DOWN), OURS);
  clock.nowMs = HOUR_MS;
  more = "proxy-status: p; error=connection_refused\r\n";
  await assert.rejects(open(DOWN), { code: "TARGET_REFUSED" });
  more = "";
  await open(WELL);
  await assert.rejects(open(DOWN), OURS, "failing since now");
});

test("of several addresses the next is tried, and the one that opened is told", async () => {
  await using proxy = await proxyWith(() => "mute");
  const { openWithin } = tunnelsOf(proxy);
  // Half of it for each.
  assert.equal(await openWithin(1_500, "2606:4700::1", WELL), WELL);
  assert.deepEqual(proxy.targets(), ["[2606:4700::1]:443", `${WELL}:443`]);
});

test("a proxy is there as long as it answers anything, or hangs up itself", async () => {
  await using proxy = await proxyWith(() => "mute");
  const { isProxyThere } = tunnelsOf(proxy);
  assert.equal(await isProxyThere(), true);
  await proxy.kill();
  assert.equal(await isProxyThere(), false);
  // Not a proxy at all, but it is there: it breaks off.
  await using rude = await startTestProxy(() => "mute", { tls: { key: "", cert: "" } });
  assert.equal(await tunnelsOf(rude).isProxyThere(), true);
});

test("a proxy that answers nothing but CONNECT is there, once it has opened tunnels for two minutes", async () => {
  await using proxy = await startTestProxy(() => ({ toPort: port }), { knowsConnectAlone: true });
  const { clock, open, isProxyThere } = tunnelsOf(proxy);
  await open(WELL);
  assert.equal(await isProxyThere(), false, "it may hang as well");
  clock.nowMs = 2 * MINUTE_MS;
  await open(WELL);
  assert.equal(await isProxyThere(), true);
});
