import { SecretRotated, SecretRotation } from "@valify/contracts/api";
import { parseDurationMs } from "@valify/runtime";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";

import { actorOf } from "./auth.ts";
import { type EndpointChangesDeps, rotateEndpointSecret } from "./endpoint-changes.ts";
import { viewOf } from "./endpoint-view.ts";
import { acceptJson } from "./json-body.ts";
import { type Failure, failures, sendProblem } from "./problem.ts";
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

export const endpointActionRoutes: FastifyPluginAsyncZod<EndpointChangesDeps> = async (
  app,
  deps,
) => {
  acceptJson(app);

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
