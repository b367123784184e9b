import { once } from "node:events";
import { createServer, type Socket } from "node:net";

import { WebhookPayload } from "@valify/contracts";

export interface CountingReceiver extends AsyncDisposable {
  readonly url: string;
  count(): number;
  /** Connections opened since the start: with keep-alive, far fewer than requests. */
  connections(): number;
  /** Forgets what came so far and returns it; arrival in milliseconds since 1970. */
  take(): readonly { readonly row: number; readonly leadUuid: string; readonly atMs: number }[];
}

interface Arrival {
  readonly atMs: number;
  readonly body: Buffer;
}

const ANSWER = Buffer.from("HTTP/1.1 204 No Content\r\n\r\n");
const HEAD_END = Buffer.from("\r\n\r\n");
/** As undici, and so each of those that are measured, writes it. */
const CONTENT_LENGTH = Buffer.from("\r\ncontent-length: ");
const LENGTH_DIGITS_MAX = 9;

/**
 * Answers 204 to requests with a `content-length`, and to nothing else: as little work as a receiver
 * can do, since it shares the machine with what it measures. Node's HTTP server takes twice as long.
 */
export async function startCountingReceiver(): Promise<CountingReceiver> {
  let arrivals: Arrival[] = [];
  let connections = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    connections += 1;
    sockets.add(socket.setNoDelay());
    const read = createRequestReader((body) => {
      arrivals.push({ atMs: performance.timeOrigin + performance.now(), body });
      socket.write(ANSWER);
    });
    socket.on("data", read);
    socket.on("error", () => {}); // whoever sent it was ended; what it had sent is counted
    socket.on("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no port");
  return {
    url: `http://127.0.0.1:${address.port}/`,
    count: () => arrivals.length,
    connections: () => connections,
    take() {
      const taken = arrivals.map(({ atMs, body }) => {
        const { row, lead_uuid: leadUuid } = WebhookPayload.parse(
          JSON.parse(body.toString("utf8")),
        );
        return { atMs, row, leadUuid };
      });
      arrivals = [];
      return taken;
    },
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, "close");
    },
  };
}

/** Reads one connection: calls back with each request's body once it is complete. */
function createRequestReader(onRequest: (body: Buffer) => void) {
  let pending: Buffer = Buffer.alloc(0);
  return function read(chunk: Buffer): void {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    for (;;) {
      const headEnd = pending.indexOf(HEAD_END);
      if (headEnd === -1) return;
      const bodyStart = headEnd + HEAD_END.length;
      const end = bodyStart + contentLength(pending, headEnd);
      // Not a number: no request of ours, never complete.
      if (!(pending.length >= end)) return;
      onRequest(pending.subarray(bodyStart, end));
      pending = pending.subarray(end);
    }
  };
}

/** Of a head that ends at `headEnd`; not a number where it says none. */
function contentLength(request: Buffer, headEnd: number): number {
  const at = request.indexOf(CONTENT_LENGTH);
  if (at === -1 || at > headEnd) return Number.NaN;
  const start = at + CONTENT_LENGTH.length;
  return Number.parseInt(request.toString("latin1", start, start + LENGTH_DIGITS_MAX), 10);
}
