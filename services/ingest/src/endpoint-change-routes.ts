import { EndpointChange, EndpointView } from "@valify/contracts/api";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";

import { actorOf } from "./auth.ts";
import { changeEndpoint, type EndpointChangesDeps, removeEndpoint } from "./endpoint-changes.ts";
import { SETTINGS_PROBLEMS } from "./endpoint-settings.ts";
import { viewOf } from "./endpoint-view.ts";
import { acceptJson } from "./json-body.ts";
import { failures, sendProblem } from "./problem.ts";
import { endpointParams, uuidOf } from "./uuid-param.ts";

const CHANGE_ROUTE = {
  schema: {
    summary: "Change, pause or activate an endpoint; deliveries already queued follow",
    params: endpointParams,
    body: EndpointChange,
    response: { 200: EndpointView },
  },
  config: { permission: "endpoints:write", problems: [...SETTINGS_PROBLEMS, "ENDPOINT_NOT_FOUND"] },
} as const;

const DELETE_ROUTE = {
  schema: {
    summary: "Delete an endpoint; what is still due to it is cancelled",
    params: endpointParams,
    response: { 204: z.null() },
  },
  config: { permission: "endpoints:write", problems: ["ENDPOINT_NOT_FOUND"] },
} as const;

export const endpointChangeRoutes: FastifyPluginAsyncZod<EndpointChangesDeps> = async (
  app,
  deps,
) => {
  acceptJson(app);

  app.patch("/endpoints/:endpoint_id", CHANGE_ROUTE, async (request, reply) => {
    const endpointId = uuidOf(request.params.endpoint_id);
    if (endpointId === undefined) return sendProblem(reply, failures.endpointNotFound);
    const change = await changeEndpoint(deps, actorOf(request), endpointId, request.body);
    if (change.kind === "refused") return sendProblem(reply, change.failure);
    return viewOf(change.endpoint, deps.secretBox, new Date());
  });

  app.delete("/endpoints/:endpoint_id", DELETE_ROUTE, async (request, reply) => {
    const endpointId = uuidOf(request.params.endpoint_id);
    const isDeleted =
      endpointId !== undefined && (await removeEndpoint(deps, actorOf(request), endpointId));
    return isDeleted ? reply.code(204).send(null) : sendProblem(reply, failures.endpointNotFound);
  });
};
