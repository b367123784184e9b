import { randomUUID } from "node:crypto";

import type { WebhookTest } from "@valify/contracts";
import { EndpointTestAccepted, SecretRotated, SecretRotation } from "@valify/contracts/api";
import { type Logger, parseDurationMs } from "@valify/runtime";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";

import { recordAudit } from "./audit.ts";
import { actorOf } from "./auth.ts";
import { type EndpointChangesDeps, rotateEndpointSecret } from "./endpoint-changes.ts";
import { findEndpoint } from "./endpoint-queries.ts";
import { viewOf } from "./endpoint-view.ts";
import { logFailure } from "./error-handling.ts";
import { acceptJson } from "./json-body.ts";
import { type Failure, failures, sendProblem } from "./problem.ts";
import { inTenant } from "./tenant-scope.ts";
import { endpointParams, uuidOf } from "./uuid-param.ts";

const DEFAULT_GRACE = "PT24H";
const GRACE_MAX_MS = 7 * 86_400_000;

const graceInvalid: Failure = {
  status: 422,
  code: "ROTATION_GRACE_INVALID",
  detail: "grace must be an ISO 8601 duration from PT0S to P7D",
};

const ROTATE_ROUTE = {
  schema: {
    summary:
      "Give an endpoint a new secret; those before are signed with as well until the grace ends",
    params: endpointParams,
    body: SecretRotation,
    response: { 200: SecretRotated },
  },
  config: {
    permission: "endpoints:write",
    problems: ["ENDPOINT_NOT_FOUND", "ROTATION_GRACE_INVALID", "CONTENT_TYPE_UNSUPPORTED"],
  },
} as const;

const TEST_ROUTE = {
  schema: {
    summary: "Send a signed test event now; /deliveries/:delivery_id tells once it was sent",
    params: endpointParams,
    response: { 202: EndpointTestAccepted },
  },
  config: { permission: "endpoints:write", problems: ["ENDPOINT_NOT_FOUND", "BROKER_UNAVAILABLE"] },
} as const;

export interface EndpointActionDeps extends EndpointChangesDeps {
  readonly log: Logger;
  /** Resolves when JetStream has stored it; rejects when the broker is away. */
  readonly publishTest: (event: WebhookTest) => Promise<void>;
}

export const endpointActionRoutes: FastifyPluginAsyncZod<EndpointActionDeps> = async (
  app,
  deps,
) => {
  acceptJson(app);

  app.post("/endpoints/:endpoint_id/test", TEST_ROUTE, async (request, reply) => {
    const endpointId = uuidOf(request.params.endpoint_id);
    const actor = actorOf(request);
    const { tenantId } = actor;
    const isThere = await inTenant(deps.db, tenantId, async (trx) => {
      if (!endpointId || !(await findEndpoint(trx, tenantId, endpointId))) return false;
      const object = { objectKind: "endpoint", objectId: endpointId };
      await recordAudit(trx, actor, { action: "endpoint.tested", ...object });
      return true;
    });
    if (!isThere || !endpointId) return sendProblem(reply, failures.endpointNotFound);
    const ids = { delivery_id: randomUUID(), endpoint_id: endpointId, tenant_id: tenantId };
    try {
      await deps.publishTest({ ...ids, requested_at: new Date().toISOString() });
    } catch (error) {
      logFailure(deps.log, failures.brokerUnavailable, error, request.routeOptions.url);
      return sendProblem(reply, failures.brokerUnavailable);
    }
    reply.header("location", `/deliveries/${ids.delivery_id}`);
    return reply.code(202).send({ delivery_id: ids.delivery_id });
  });

  app.post("/endpoints/:endpoint_id/rotate_secret", ROTATE_ROUTE, async (request, reply) => {
    const endpointId = uuidOf(request.params.endpoint_id);
    if (endpointId === undefined) return sendProblem(reply, failures.endpointNotFound);
    const { grace = DEFAULT_GRACE, signature } = request.body ?? {};
    const graceMs = parseDurationMs(grace);
    if (graceMs === undefined || graceMs > GRACE_MAX_MS) return sendProblem(reply, graceInvalid);
    const asked = { graceMs, signature };
    const rotation = await rotateEndpointSecret(deps, actorOf(request), endpointId, asked);
    if (rotation.kind === "refused") return sendProblem(reply, rotation.failure);
    const { endpoint, secret } = rotation;
    return { ...viewOf(endpoint, deps.secretBox, new Date()), secret };
  });
};
