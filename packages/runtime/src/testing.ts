import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";

import { applyTopology } from "./topology.ts";

export { testCertificates } from "./test-certificates.ts";

/** A nats-server of one's own, with our topology applied; ended and wiped on disposal. */
export interface TestNats extends AsyncDisposable {
  readonly url: string;
  /** SIGKILL and start again on the same port and store. */
  restart(): Promise<void>;
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** `serverBinary`: path of nats-server 2.12 or later. */
export async function startTestNats(serverBinary: string): Promise<TestNats> {
  const store = await mkdtemp(join(tmpdir(), "valify-nats-"));
  const port = await freePort();
  const url = `nats://127.0.0.1:${port}`;
  let server: ChildProcess | undefined;

  async function start(): Promise<void> {
    const args = ["-js", "-a", "127.0.0.1", "-p", String(port), "-sd", store];
    server = spawn(serverBinary, args, { stdio: "ignore" });
    // Rejects where the binary is missing or ends at once; else nobody would ever answer below.
    const ended = once(server, "exit").then(() => {
      throw new Error(`${serverBinary} ended`);
    });
    ended.catch(() => {});
    await Promise.race([ended, prepare(url)]);
  }

  async function stop(): Promise<void> {
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
    const exited = once(server, "exit");
    server.kill("SIGKILL");
    await exited;
  }

  await start();
  return {
    url,
    start,
    stop,
    async restart() {
      await stop();
      await start();
    },
    async [Symbol.asyncDispose]() {
      await stop();
      await rm(store, { recursive: true, force: true });
    },
  };
}

async function prepare(url: string): Promise<void> {
  const connection = await connect({
    servers: url,
    waitOnFirstConnect: true,
    maxReconnectAttempts: -1,
    // The first try mostly comes before the server listens; by default the next waits two seconds.
    reconnectTimeWait: 50,
  });
  await applyTopology(await jetstreamManager(connection), 1);
  await connection.close();
}

/** A port that nobody listens on right now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (typeof address !== "object" || address === null) throw new Error("no port");
  return address.port;
}

const POLL_MS = 10;

/** Waits until the condition holds; after the deadline it throws and says what was awaited. */
export async function eventually(
  condition: () => boolean | Promise<boolean>,
  what: string,
  deadlineMs = 20_000,
): Promise<void> {
  const endMs = performance.now() + deadlineMs;
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Error(`waited ${deadlineMs} ms in vain for ${what}`);
    await new Promise((resolve) => {
      setTimeout(resolve, POLL_MS);
    });
  }
}
