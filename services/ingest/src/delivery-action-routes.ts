import { DeliveryCancelAccepted, ResendAccepted } from "@valify/contracts/api";
import type { Logger } from "@valify/runtime";
import type { FastifyRequest } from "fastify";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";

import { actorOf } from "./auth.ts";
import { cancelDelivery, type CancelDeliveryDeps } from "./cancel-delivery.ts";
import type { DeliveryAction } from "./delivery-action.ts";
import { logFailure } from "./error-handling.ts";
import { type Failure, failures, sendProblem } from "./problem.ts";
import { resendDelivery } from "./resend-delivery.ts";
import type { RetryWebhooksDeps } from "./retry-webhooks.ts";
import { uuidOf } from "./uuid-param.ts";
import type { WebhookCounts } from "./webhook-counts.ts";

export interface DeliveryActionDeps extends RetryWebhooksDeps, CancelDeliveryDeps {
  readonly log: Logger;
  readonly webhookCounts: WebhookCounts;
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
  async function carryOut(
    action: DeliveryAction<DeliveryActionDeps>,
    request: FastifyRequest<{ Params: z.infer<typeof params> }>,
  ): Promise<Failure | { readonly delivery_id: string }> {
    const deliveryId = uuidOf(request.params.delivery_id);
    if (deliveryId === undefined) return failures.deliveryNotFound;
    const actor = actorOf(request);
    const verdict = await action(deps, actor, deliveryId, new Date());
    if (verdict.kind === "refused") return verdict.failure;
    if (verdict.kind === "accepted") {
      deps.webhookCounts.forget(actor.tenantId, verdict.batchUuid);
      return { delivery_id: deliveryId };
    }
    logFailure(deps.log, failures.brokerUnavailable, verdict.error, request.routeOptions.url);
    return failures.brokerUnavailable;
  }

  app.post("/deliveries/:delivery_id/resend", RESEND_ROUTE, async (request, reply) => {
    const result = await carryOut(resendDelivery, request);
    return "code" in result ? sendProblem(reply, result) : reply.code(202).send(result);
  });

  app.post("/deliveries/:delivery_id/cancel", CANCEL_ROUTE, async (request, reply) => {
    const result = await carryOut(cancelDelivery, request);
    return "code" in result ? sendProblem(reply, result) : reply.code(202).send(result);
  });
};
