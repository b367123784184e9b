import { createHmac } from "node:crypto";

import { type AddressGuard, createGuardedConnector } from "@valify/runtime";
import { Agent, request } from "undici";

export interface OperationsWebhookOptions {
  readonly url: string;
  /** `whsec_` and base64, as of any other webhook of ours. */
  readonly secret: string;
  readonly guard: AddressGuard;
}

export interface OperationsWebhook extends AsyncDisposable {
  /** Resolves at a 2xx, and rejects otherwise. The receiver knows repeats by the id. */
  send(webhookId: string, body: string): Promise<void>;
}

const TIMEOUT_MS = 10_000;
const ANSWER_BYTES_MAX = 64 * 1024;

/** Standard Webhooks, to the address of whoever runs the installation, behind the same guard. */
export function createOperationsWebhook(options: OperationsWebhookOptions): OperationsWebhook {
  const { secret, guard } = options;
  const url = new URL(options.url);
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const agent = new Agent({
    connect: createGuardedConnector(guard, { timeoutMs: TIMEOUT_MS }),
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
    maxResponseSize: ANSWER_BYTES_MAX,
    connections: 1,
  });
  return {
    async send(webhookId, body) {
      guard.checkUrl(url);
      const timestamp = String(Math.floor(Date.now() / 1000));
      const signed = `${webhookId}.${timestamp}.${body}`;
      const signature = createHmac("sha256", key).update(signed).digest("base64");
      const { statusCode, body: answer } = await request(url, {
        dispatcher: agent,
        method: "POST",
        headers: {
          "content-type": "application/json",
          "webhook-id": webhookId,
          "webhook-timestamp": timestamp,
          "webhook-signature": `v1,${signature}`,
        },
        body,
      });
      await answer.dump();
      if (statusCode < 200 || statusCode > 299) {
        throw new Error(`the operations webhook answered ${statusCode}`);
      }
    },
    async [Symbol.asyncDispose]() {
      await agent.destroy();
    },
  };
}
