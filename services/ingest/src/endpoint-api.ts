import type { FastifyPluginAsync } from "fastify";

import { type DeliveryRoutesDeps, deliveryRoutes } from "./delivery-routes.ts";
import { endpointActionRoutes } from "./endpoint-action-routes.ts";
import { endpointChangeRoutes } from "./endpoint-change-routes.ts";
import type { EndpointChangesDeps } from "./endpoint-changes.ts";
import { endpointRoutes } from "./endpoint-routes.ts";

/** Where webhooks go, and what became of each. */
export const endpointApi: FastifyPluginAsync<EndpointChangesDeps & DeliveryRoutesDeps> = async (
  app,
  deps,
) => {
  await app.register(endpointRoutes, deps);
  await app.register(endpointChangeRoutes, deps);
  await app.register(endpointActionRoutes, deps);
  await app.register(deliveryRoutes, deps);
};
