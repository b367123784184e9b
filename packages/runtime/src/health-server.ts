import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";

import type { Health } from "./health.ts";
import type { Metrics } from "./metrics.ts";

export interface HealthServerOptions {
  readonly host: string;
  readonly port: number;
  readonly health: Health;
  readonly metrics: Metrics;
}

export interface HealthServer extends AsyncDisposable {
  readonly port: number;
}

/** Serves `/health/live`, `/health/ready` and `/metrics` until disposed. */
export async function startHealthServer(options: HealthServerOptions): Promise<HealthServer> {
  const server = createServer((request, response) => {
    answerProbe(request.url ?? "/", options).then(
      ({ status, contentType, body }) => end(response, status, contentType, body),
      () => end(response, 500, "text/plain", "error\n"),
    );
  });
  server.listen(options.port, options.host);
  await once(server, "listening");
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : options.port,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

export interface ProbeAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** The answer to one probe, for a service that has an HTTP server of its own. */
export async function answerProbe(
  path: string,
  { health, metrics }: Pick<HealthServerOptions, "health" | "metrics">,
): Promise<ProbeAnswer> {
  switch (path) {
    case "/health/live":
      // No dependency in it: restarting us would not bring the database back.
      return json(200, { status: "live" });
    case "/health/ready": {
      const { healthy, failing } = await health.report();
      return json(healthy ? 200 : 503, { status: healthy ? "ready" : "not ready", failing });
    }
    case "/metrics":
      return { status: 200, ...(await metrics.render()) };
    default:
      return json(404, { status: "not found" });
  }
}

function json(status: number, body: object): ProbeAnswer {
  return { status, contentType: "application/json", body: `${JSON.stringify(body)}\n` };
}

function end(response: ServerResponse, status: number, contentType: string, body: string) {
  response.writeHead(status, { "content-type": contentType }).end(body);
}
