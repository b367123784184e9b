import {
  webhookCancel,
  type WebhookCancel,
  webhookRetry,
  type WebhookRetry,
  webhookTest,
  type WebhookTest,
} from "@valify/contracts";
import type { Bus } from "@valify/runtime";

/** What ingest asks of those who send: each resolves when JetStream has stored it. */
export function createWebhookOutlet(bus: Pick<Bus, "publish" | "publishAll">) {
  return {
    publishRetries: async (events: readonly WebhookRetry[]) =>
      void (await bus.publishAll(webhookRetry, events)),
    publishCancel: async (event: WebhookCancel) => void (await bus.publish(webhookCancel, event)),
    publishTest: async (event: WebhookTest) => void (await bus.publish(webhookTest, event)),
  };
}
