import { DeliveryCancelAccepted, ResendAccepted } from "@valify/contracts/api";
import type { Logger } from "@valify/runtime";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";

import { actorOf } from "./auth.ts";
import { cancelDelivery, type CancelDeliveryDeps } from "./cancel-delivery.ts";
import { logFailure } from "./error-handling.ts";
import { type Failure, failures, sendProblem } from "./problem.ts";
import { resendDelivery, type Resending } from "./resend-delivery.ts";
import type { RetryWebhooksDeps } from "./retry-webhooks.ts";
import { uuidOf } from "./uuid-param.ts";

export interface DeliveryActionDeps extends RetryWebhooksDeps, CancelDeliveryDeps {
  readonly log: Logger;
}

const params = z.object({ delivery_id: z.string() });

const RESEND_ROUTE = {
  schema: { summary: "Send one delivery again, now", params, response: { 202: ResendAccepted } },
  config: {
    permission: "deliveries:write",
    problems: [
      "DELIVERY_NOT_FOUND",
      "DELIVERY_NOT_RESENDABLE",
      "BATCH_CANCELLED",
      "BROKER_UNAVAILABLE",
    ],
  },
} as const;

const CANCEL_ROUTE = {
  schema: {
    summary: "Send one delivery no more; what is under way ends first",
    params,
    response: { 202: DeliveryCancelAccepted },
  },
  config: {
    permission: "deliveries:write",
    problems: ["DELIVERY_NOT_FOUND", "DELIVERY_NOT_CANCELLABLE", "BROKER_UNAVAILABLE"],
  },
} as const;

/** What people ask of one delivery: to go out again, or no more. */
export const deliveryActionRoutes: FastifyPluginAsyncZod<DeliveryActionDeps> = async (
  app,
  deps,
) => {
  app.post("/deliveries/:delivery_id/resend", RESEND_ROUTE, async (request, reply) => {
    const deliveryId = uuidOf(request.params.delivery_id);
    if (deliveryId === undefined) return sendProblem(reply, failures.deliveryNotFound);
    const resending = await resendDelivery(deps, actorOf(request), deliveryId, new Date());
    const failure = failureOf(resending, request.routeOptions.url);
    if (failure !== undefined) return sendProblem(reply, failure);
    return reply.code(202).send({ delivery_id: deliveryId });
  });

  app.post("/deliveries/:delivery_id/cancel", CANCEL_ROUTE, async (request, reply) => {
    const deliveryId = uuidOf(request.params.delivery_id);
    if (deliveryId === undefined) return sendProblem(reply, failures.deliveryNotFound);
    const cancelling = await cancelDelivery(deps, actorOf(request), deliveryId, new Date());
    const failure = failureOf(cancelling, request.routeOptions.url);
    if (failure !== undefined) return sendProblem(reply, failure);
    return reply.code(202).send({ delivery_id: deliveryId });
  });

  function failureOf(asking: Resending, route: string | undefined): Failure | undefined {
    if (asking.kind === "queued") return undefined;
    if (asking.kind === "refused") return asking.failure;
    logFailure(deps.log, failures.brokerUnavailable, asking.error, route);
    return failures.brokerUnavailable;
  }
};
