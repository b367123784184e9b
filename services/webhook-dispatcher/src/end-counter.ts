import type { DeliveryState } from "@valify/database";
import type { Metrics } from "@valify/runtime";

/** Counts the deliveries that were given up, when it was told: of a repeated wake-up once more. */
export function createEndCounter(metrics: Metrics) {
  const exhausted = metrics.counter(
    "valify_webhook_exhausted_total",
    "Deliveries given up after their last attempt",
    [],
  );
  return (state: DeliveryState): void => {
    if (state === "exhausted") exhausted.inc();
  };
}
