import type { WebhookCancel } from "@valify/contracts";
import type { DeliveryState } from "@valify/database";
import type { Later } from "@valify/runtime";

/** Until the request under way has ended, or its dispatcher is known to be dead. */
const SENDING_DELAY_MS = 1_000;

/**
 * Ends one delivery that waits or is held. Its wake-up still comes, and is passed over: the claim
 * takes no delivery that is cancelled. `cancel` returns the state it found.
 */
export function createWebhookCancelHandler(
  cancel: (tenantId: string, deliveryId: string) => Promise<DeliveryState | undefined>,
) {
  return async function handleWebhookCancel(event: WebhookCancel): Promise<Later | undefined> {
    const found = await cancel(event.tenant_id, event.delivery_id);
    return found === "sending" ? { kind: "later", delayMs: SENDING_DELAY_MS } : undefined;
  };
}
