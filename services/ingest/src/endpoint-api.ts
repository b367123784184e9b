import type { FastifyPluginAsync } from "fastify";

import { endpointActionRoutes } from "./endpoint-action-routes.ts";
import { endpointChangeRoutes } from "./endpoint-change-routes.ts";
import type { EndpointChangesDeps } from "./endpoint-changes.ts";
import { endpointRoutes } from "./endpoint-routes.ts";

/** Everything about where webhooks go. */
export const endpointApi: FastifyPluginAsync<EndpointChangesDeps> = async (app, deps) => {
  await app.register(endpointRoutes, deps);
  await app.register(endpointChangeRoutes, deps);
  await app.register(endpointActionRoutes, deps);
};
