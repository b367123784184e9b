import { type Logger, type Metrics, OPERATION_BUCKETS } from "@valify/runtime";
import type { FastifyInstance } from "fastify";

/** Asked every few seconds by machines: in the metrics, not in the log. */
const QUIET_ROUTES = new Set(["/health", "/health/live", "/health/ready", "/metrics"]);

/**
 * One line and one observation per answered request. The route's pattern stands for the URL: a
 * query or a body may hold anything, so neither is ever logged.
 */
export function logRequests(app: FastifyInstance, log: Logger, metrics: Metrics): void {
  const seconds = metrics.histogram(
    "http_server_request_duration_seconds",
    "From the request's headers to the end of the answer; streams count their whole life",
    ["method", "route", "status_code"],
    OPERATION_BUCKETS,
  );
  app.addHook("onResponse", async (request, reply) => {
    const { method } = request;
    const route = request.routeOptions.url ?? "none";
    const status = reply.statusCode;
    seconds.observe({ method, route, status_code: status }, reply.elapsedTime / 1000);
    if (QUIET_ROUTES.has(route)) return;
    log.info({ method, route, status, durationMs: Math.round(reply.elapsedTime) }, "http.answered");
  });
}
