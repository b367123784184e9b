import { batchIdOfUuid } from "@valify/contracts";

import { type Lead, webhookBody } from "./domain/webhook-body.ts";
import type { EndpointSecrets } from "./endpoint-secrets.ts";
import type { OutboundWebhook } from "./http-sender.ts";
import { signatureOf, webhookIdOf } from "./sign-webhook.ts";

export interface RequestParts {
  readonly deliveryId: string;
  readonly lead: Lead;
  readonly url: string;
  readonly secrets: EndpointSecrets;
  readonly userAgent: string;
  /** Of this attempt: receivers refuse a signature more than five minutes old. */
  readonly now: Date;
}

/** Signed when it is sent, and the signed bytes are the sent bytes. */
export function buildRequest(parts: RequestParts): OutboundWebhook {
  const body = webhookBody(parts.lead, batchIdOfUuid(parts.lead.batchId));
  const webhookId = webhookIdOf(parts.deliveryId);
  const timestamp = Math.floor(parts.now.getTime() / 1_000);
  const { keys, headers, identity } = parts.secrets;
  return {
    url: parts.url,
    body,
    identity,
    headers: {
      // Ours come last: a customer's own header never takes the place of one of them.
      ...headers,
      "content-type": "application/json",
      "user-agent": parts.userAgent,
      "accept-encoding": "identity",
      "webhook-id": webhookId,
      "webhook-timestamp": String(timestamp),
      "webhook-signature": signatureOf(keys, webhookId, timestamp, body),
    },
  };
}
