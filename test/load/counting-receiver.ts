import { once } from "node:events";
import { createServer } from "node:http";

import { WebhookPayload } from "@valify/contracts";

export interface CountingReceiver extends AsyncDisposable {
  readonly url: string;
  count(): number;
  /** Connections opened since the start: with keep-alive, far fewer than requests. */
  connections(): number;
  /** Forgets what came so far and returns it: row number and arrival in milliseconds since 1970. */
  take(): readonly { readonly row: number; readonly atMs: number }[];
}

/** As little work as a receiver can do, since it shares the machine with what it measures. */
export async function startCountingReceiver(): Promise<CountingReceiver> {
  let arrivals: { readonly atMs: number; readonly chunks: Buffer[] }[] = [];
  let connections = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    arrivals.push({ atMs: performance.timeOrigin + performance.now(), chunks });
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => response.writeHead(204).end());
  });
  server.on("connection", () => (connections += 1));
  server.keepAliveTimeout = 0;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no port");
  return {
    url: `http://127.0.0.1:${address.port}/`,
    count: () => arrivals.length,
    connections: () => connections,
    take() {
      const taken = arrivals.map(({ atMs, chunks }) => {
        const body: unknown = JSON.parse(Buffer.concat(chunks).toString("utf8"));
        return { atMs, row: WebhookPayload.parse(body).row };
      });
      arrivals = [];
      return taken;
    },
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}
