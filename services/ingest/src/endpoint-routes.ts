import {
  EndpointCreated,
  EndpointCreation,
  EndpointList,
  EndpointView,
} from "@valify/contracts/api";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";

import { actorOf, tenantOf } from "./auth.ts";
import { createEndpoint } from "./create-endpoint.ts";
import type { EndpointChangesDeps } from "./endpoint-changes.ts";
import { findEndpoint, listEndpoints } from "./endpoint-queries.ts";
import { SETTINGS_PROBLEMS } from "./endpoint-settings.ts";
import { viewOf } from "./endpoint-view.ts";
import { readIdempotencyKey } from "./idempotency-key.ts";
import { acceptJson } from "./json-body.ts";
import { failures, sendProblem } from "./problem.ts";
import { readInTenant } from "./tenant-scope.ts";
import { endpointParams, uuidOf } from "./uuid-param.ts";

const LIST_ROUTE = {
  schema: { summary: "All endpoints, oldest first", response: { 200: EndpointList } },
  config: { permission: "endpoints:read" },
} as const;

const CREATE_ROUTE = {
  schema: {
    summary: "Create an endpoint; its secret is shown in this answer alone",
    description:
      "Send an `Idempotency-Key` to repeat safely: within 24 hours the same key with the same body " +
      "creates nothing more and gets the first answer again, secret included.",
    body: EndpointCreation,
    response: { 201: EndpointCreated },
  },
  config: {
    permission: "endpoints:write",
    problems: [
      ...SETTINGS_PROBLEMS,
      "ENDPOINT_LIMIT_REACHED",
      "IDEMPOTENCY_KEY_INVALID",
      "IDEMPOTENCY_KEY_MISMATCH",
    ],
  },
} as const;

const READ_ROUTE = {
  schema: { summary: "One endpoint", params: endpointParams, response: { 200: EndpointView } },
  config: { permission: "endpoints:read", problems: ["ENDPOINT_NOT_FOUND"] },
} as const;

export const endpointRoutes: FastifyPluginAsyncZod<EndpointChangesDeps> = async (app, deps) => {
  const { db, secretBox } = deps;
  acceptJson(app);

  app.get("/endpoints", LIST_ROUTE, async (request, reply) => {
    const tenantId = tenantOf(request);
    const rows = await readInTenant(db, tenantId, (trx) => listEndpoints(trx, tenantId));
    return reply.send({ endpoints: rows.map((row) => viewOf(row, secretBox, new Date())) });
  });

  app.post("/endpoints", CREATE_ROUTE, async (request, reply) => {
    const reading = readIdempotencyKey(request);
    if (reading.kind === "refused") return sendProblem(reply, reading.failure);
    const creation = await createEndpoint(deps, actorOf(request), request.body, reading.key);
    if (creation.kind === "refused") return sendProblem(reply, creation.failure);
    const { answer } = creation;
    reply.header("location", `/endpoints/${answer.endpoint_id}`);
    return reply.code(201).send(answer);
  });

  app.get("/endpoints/:endpoint_id", READ_ROUTE, async (request, reply) => {
    const tenantId = tenantOf(request);
    const endpointId = uuidOf(request.params.endpoint_id);
    const row =
      endpointId &&
      (await readInTenant(db, tenantId, (trx) => findEndpoint(trx, tenantId, endpointId)));
    return row ? viewOf(row, secretBox, new Date()) : sendProblem(reply, failures.endpointNotFound);
  });
};
