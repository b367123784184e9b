import { HealthView } from "@valify/contracts/api";
import { answerProbe, type Health, type Metrics } from "@valify/runtime";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";

export interface HealthRoutesDeps {
  /** Everything, for people and dashboards: checks `database`, `s3` and `nats`. */
  readonly health: Health;
  /** What a request needs. Not NATS: uploads are taken while it is away, the outbox keeps them. */
  readonly readiness: Health;
  readonly metrics: Metrics;
}

const HEALTH_OPTIONS = {
  schema: {
    summary: "Whether everything this service needs answers",
    response: { 200: HealthView, 503: HealthView },
  },
};
const PROBE_OPTIONS = {
  schema: {
    summary: "For load balancers and Prometheus",
    response: {
      200: { description: "As asked", content: { "*/*": { schema: z.unknown() } } },
      503: { description: "Not ready", content: { "application/json": { schema: z.unknown() } } },
    },
  },
};
const PROBES = ["/health/live", "/health/ready", "/metrics"] as const;

/** Open to everybody: a load balancer has no key, and the answers hold nothing of a tenant. */
export const healthRoutes: FastifyPluginAsyncZod<HealthRoutesDeps> = async (app, deps) => {
  app.get("/health", HEALTH_OPTIONS, async (_request, reply) => {
    const { healthy, failing } = await deps.health.report();
    const answer: HealthView = {
      status: healthy ? "healthy" : "unhealthy",
      database: failing.includes("database") ? "unreachable" : "connected",
      s3: failing.includes("s3") ? "unreachable" : "configured",
      nats: failing.includes("nats") ? "disconnected" : "connected",
    };
    return reply.code(healthy ? 200 : 503).send(answer);
  });

  for (const path of PROBES) {
    app.get(path, PROBE_OPTIONS, async (_request, reply) => {
      const { readiness: health, metrics } = deps;
      const { status, contentType, body } = await answerProbe(path, { health, metrics });
      return reply
        .code(status === 200 ? 200 : 503)
        .header("content-type", contentType)
        .send(body);
    });
  }
};
