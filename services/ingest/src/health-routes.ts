import { answerProbe, type Health, type Metrics } from "@valify/runtime";
import type { FastifyInstance } from "fastify";

export interface HealthRoutesDeps {
  /** Everything, for people and dashboards: checks `database`, `s3` and `nats`. */
  readonly health: Health;
  /** What a request needs. Not NATS: uploads are taken while it is away, the outbox keeps them. */
  readonly readiness: Health;
  readonly metrics: Metrics;
}

const PROBES = ["/health/live", "/health/ready", "/metrics"] as const;

/** Open to everybody: a load balancer has no key, and the answers hold nothing of a tenant. */
export async function healthRoutes(app: FastifyInstance, deps: HealthRoutesDeps): Promise<void> {
  app.get("/health", async (_request, reply) => {
    const { healthy, failing } = await deps.health.report();
    const part = (name: string, good: string, bad: string) => (failing.includes(name) ? bad : good);
    return reply.code(healthy ? 200 : 503).send({
      status: healthy ? "healthy" : "unhealthy",
      database: part("database", "connected", "unreachable"),
      s3: part("s3", "configured", "unreachable"),
      nats: part("nats", "connected", "disconnected"),
    });
  });

  for (const path of PROBES) {
    app.get(path, async (_request, reply) => {
      const { readiness: health, metrics } = deps;
      const { status, contentType, body } = await answerProbe(path, { health, metrics });
      return reply.code(status).header("content-type", contentType).send(body);
    });
  }
}
