import { EndpointHealthView } from "@valify/contracts/api";
import type { Database } from "@valify/database";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import type { Kysely } from "kysely";

import { tenantOf } from "./auth.ts";
import { countWaiting, findHealth, type StoredHealth } from "./endpoint-health-queries.ts";
import { failures, sendProblem } from "./problem.ts";
import { readInTenant } from "./tenant-scope.ts";
import { endpointParams, uuidOf } from "./uuid-param.ts";

const ROUTE = {
  schema: {
    summary: "How an endpoint does, and what waits for it",
    params: endpointParams,
    response: { 200: EndpointHealthView },
  },
  config: { permission: "endpoints:read", problems: ["ENDPOINT_NOT_FOUND"] },
} as const;

export const endpointHealthRoute: FastifyPluginAsyncZod<{ readonly db: Kysely<Database> }> = async (
  app,
  { db },
) => {
  app.get("/endpoints/:endpoint_id/health", ROUTE, async (request, reply) => {
    const tenantId = tenantOf(request);
    const endpointId = uuidOf(request.params.endpoint_id);
    const found =
      endpointId &&
      (await readInTenant(db, tenantId, async (trx) => {
        const health = await findHealth(trx, tenantId, endpointId);
        return health && viewOf(health, await countWaiting(trx, tenantId, endpointId));
      }));
    return found ? reply.send(found) : sendProblem(reply, failures.endpointNotFound);
  });
};

/** What an activation has outdated is not shown: the dispatcher does not look at it either. */
function viewOf(health: StoredHealth, waiting: EndpointHealthView["waiting"]): EndpointHealthView {
  const { endpointId, status, isOutdated } = health;
  const state = isOutdated ? "healthy" : health.state;
  const instant = (at: Date | null) => (isOutdated ? null : (at?.toISOString() ?? null));
  return {
    endpoint_id: endpointId,
    state: status === "active" ? state : "paused",
    consecutive_failures: isOutdated ? 0 : health.consecutiveFailures,
    failing_since: instant(health.failingSince),
    next_probe_at: state === "open" ? instant(health.probeAt) : null,
    throttled_until: instant(health.pausedUntil),
    disabled_at: instant(health.disabledAt),
    disabled_reason: isOutdated ? null : health.disabledReason,
    waiting,
  };
}
