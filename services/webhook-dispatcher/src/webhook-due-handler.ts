import type { WebhookDue } from "@valify/contracts";
import { type Later, PermanentError } from "@valify/runtime";

import type { DeliveryOutcome } from "./announce-outcome.ts";
import type { TenantTurns } from "./domain/tenant-turns.ts";
import type { ClaimedDelivery, Preparation } from "./prepare-deliveries.ts";

export interface WebhookDueDeps {
  readonly turns: Pick<TenantTurns, "take">;
  readonly prepare: (event: WebhookDue, isRedelivered: boolean) => Promise<readonly Preparation[]>;
  /** Resolves when it is sent, recorded and announced. */
  readonly deliver: (delivery: ClaimedDelivery) => Promise<void>;
  /** Resolves when the next wake-up, or the end, is in the stream. */
  readonly announce: (outcomes: readonly DeliveryOutcome[]) => Promise<void>;
}

/**
 * One wake-up, which may be several deliveries. Each is recorded first and announced then, and
 * only after that the message is answered: a crash in between repeats the later steps alone.
 */
export function createWebhookDueHandler({ turns, prepare, deliver, announce }: WebhookDueDeps) {
  function settle(preparation: Preparation): Promise<void> | Later | undefined {
    switch (preparation.kind) {
      case "send":
        return deliver(preparation.delivery);
      case "repeat":
        return announce([preparation.stored]);
      case "busy":
        return { kind: "later", delayMs: preparation.delayMs };
      case "superseded":
        return undefined;
      case "lead_missing":
      default:
        throw new PermanentError("a wake-up names no lead or delivery", { code: "LEAD_NOT_FOUND" });
    }
  }

  return async function handleWebhookDue(
    event: WebhookDue,
    isRedelivered: boolean,
  ): Promise<Later | undefined> {
    const turn = await turns.take(event.tenant_id);
    if (turn === null) return { kind: "later", delayMs: 0 }; // another process takes it
    try {
      const preparations = await prepare(event, isRedelivered);
      const [first] = preparations;
      // Nearly always it is one, and then needs no list.
      if (preparations.length === 1 && first !== undefined)
        return (await settle(first)) ?? undefined;
      return await settleAll(preparations);
    } finally {
      turn.leave();
    }
  };

  async function settleAll(preparations: readonly Preparation[]): Promise<Later | undefined> {
    const results = await Promise.allSettled(preparations.map(async (one) => settle(one)));
    // Only now: an answer to the message before the last of its deliveries is done would lose that
    // one with us. What may yet succeed comes before what never will.
    const failures = results.flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
    const failure: unknown =
      failures.find((reason) => !(reason instanceof PermanentError)) ?? failures[0];
    if (failure !== undefined) throw failure;
    return (
      results
        .flatMap((one) => (one.status === "fulfilled" ? [one.value] : []))
        .find((later) => later !== undefined) ?? undefined
    );
  }
}
