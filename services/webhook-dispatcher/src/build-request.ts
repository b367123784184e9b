import { hash } from "node:crypto";

import { batchIdOfUuid } from "@valify/contracts";
import { PermanentError } from "@valify/runtime";

import { type Lead, webhookBody } from "./domain/webhook-body.ts";
import type { EndpointSecrets } from "./endpoint-secrets.ts";
import type { OutboundWebhook } from "./http-sender.ts";
import { signatureOf, webhookIdOf } from "./sign-webhook.ts";

/** The bytes of every attempt for a lead, and what tells later whether they are still the same. */
export interface WebhookContent {
  readonly body: Buffer;
  /** Hexadecimal. */
  readonly bodySha256: string;
}

export interface RequestParts {
  readonly deliveryId: string;
  readonly content: WebhookContent;
  readonly url: string;
  readonly secrets: EndpointSecrets;
  readonly userAgent: string;
  /** Of this attempt: receivers refuse a signature more than five minutes old. */
  readonly now: Date;
}

export function contentOf(lead: Lead): WebhookContent {
  // Encoded once: to be hashed, signed and sent.
  const body = Buffer.from(webhookBody(lead, batchIdOfUuid(lead.batchId)));
  return { body, bodySha256: hash("sha256", body, "hex") };
}

/** Signed when it is sent, and the signed bytes are the sent bytes. */
export function buildRequest(parts: RequestParts): OutboundWebhook {
  const { body, bodySha256 } = parts.content;
  const webhookId = webhookIdOf(parts.deliveryId);
  const timestamp = Math.floor(parts.now.getTime() / 1_000);
  const { keys, headers, identity } = parts.secrets;
  return {
    url: parts.url,
    body,
    bodySha256,
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

/**
 * The receiver may have answered the first attempt too late: it must see the same bytes under the
 * same `webhook-id`. `bodySha256`: of the first attempt, null before it.
 */
export function sameBody(content: WebhookContent, bodySha256: string | null): WebhookContent {
  if (bodySha256 === null || bodySha256 === content.bodySha256) return content;
  throw new PermanentError("other bytes than at the first attempt", { code: "BODY_CHANGED" });
}
