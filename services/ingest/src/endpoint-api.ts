import type { FastifyPluginAsync } from "fastify";

import { type DeliveryActionDeps, deliveryActionRoutes } from "./delivery-action-routes.ts";
import { deliveryRoutes, type DeliveryRoutesDeps } from "./delivery-routes.ts";
import { type EndpointActionDeps, endpointActionRoutes } from "./endpoint-action-routes.ts";
import { endpointChangeRoutes } from "./endpoint-change-routes.ts";
import { endpointHealthRoute } from "./endpoint-health-route.ts";
import { endpointRoutes } from "./endpoint-routes.ts";
import { type ReplayRoutesDeps, replayRoutes } from "./replay-routes.ts";

export type EndpointApiDeps = EndpointActionDeps &
  DeliveryRoutesDeps &
  DeliveryActionDeps &
  ReplayRoutesDeps;

/** Where webhooks go, and what became of each. */
export const endpointApi: FastifyPluginAsync<EndpointApiDeps> = async (app, deps) => {
  await app.register(endpointRoutes, deps);
  await app.register(endpointChangeRoutes, deps);
  await app.register(endpointActionRoutes, deps);
  await app.register(endpointHealthRoute, deps);
  await app.register(deliveryRoutes, deps);
  await app.register(deliveryActionRoutes, deps);
  await app.register(replayRoutes, deps);
};
