import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

import { StartError } from "./checkout.ts";

/**
 * Below the range the kernel gives to outgoing connections (from 32768 on Linux): a client that
 * tries again and again while a server is down could else be given the server's own port.
 */
const PORTS = { first: 20_000, last: 32_000 } as const;
const TRIES = 50;

/** A port of 127.0.0.1 nobody listens on right now, for a server that keeps it over restarts. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const port = randomInt(PORTS.first, PORTS.last);
    if ((await tryPort("127.0.0.1", port)) === undefined) return port;
  }
  throw new StartError(
    `no free port between ${PORTS.first} and ${PORTS.last} after ${TRIES} tries`,
  );
}

/** Several at once, no two the same. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await freePort());
  return [...ports];
}

/** Rejects with one line that says what to do when `host:port` can't be listened on. */
export async function requireFreePort(host: string, port: number, variable: string): Promise<void> {
  const code = await tryPort(host, port);
  if (code === undefined) return;
  if (code === "EADDRINUSE") {
    throw new StartError(
      `port ${port} is already in use: stop what listens there, or choose another with ${variable} or --port-base`,
    );
  }
  if (code === "EACCES") {
    throw new StartError(`port ${port} needs root: choose one above 1023 with ${variable}`);
  }
  throw new StartError(`HOST ${host}: nothing can listen on port ${port} there (${code})`);
}

async function tryPort(host: string, port: number): Promise<string | undefined> {
  const server = createServer();
  try {
    server.listen({ host, port, exclusive: true });
    await once(server, "listening");
    server.close();
    await once(server, "close");
    return undefined;
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : "unknown error";
  }
}

/** An address to reach a server that listens on every interface. */
export function reachable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return host.includes(":") ? `[${host}]` : host;
}
