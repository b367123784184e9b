import { type WebhookDue, WakeUpKind } from "@valify/contracts";
import { type Later, PermanentError } from "@valify/runtime";

import type { DeliveryOutcome } from "./announce-outcome.ts";
import type { ReadAhead } from "./domain/read-ahead.ts";
import type { TenantTurns } from "./domain/tenant-turns.ts";
import type { ClaimedDelivery, Preparation } from "./prepare-deliveries.ts";

export interface WebhookDueDeps {
  readonly turns: Pick<TenantTurns, "take">;
  readonly readAhead: Pick<ReadAhead, "noteDeferral">;
  readonly prepare: (event: WebhookDue) => Promise<readonly Preparation[]>;
  /** Sends and records. */
  readonly deliver: (delivery: ClaimedDelivery) => Promise<DeliveryOutcome>;
  /** Resolves when the next wake-up, or the end, is in the stream. */
  readonly announce: (outcome: DeliveryOutcome) => Promise<void>;
}

/**
 * One wake-up, which may be several deliveries. Each is recorded first and announced then, and
 * only after that the message is answered: a crash in between repeats the later steps alone.
 */
export function createWebhookDueHandler(deps: WebhookDueDeps) {
  const { turns, readAhead, prepare, deliver, announce } = deps;

  async function settle(preparation: Preparation): Promise<Later | undefined> {
    switch (preparation.kind) {
      case "send":
        return conclude(await deliver(preparation.delivery));
      case "repeat":
        await announce(preparation.stored);
        return undefined;
      case "busy":
        return { kind: "later", delayMs: preparation.delayMs };
      case "superseded":
        return undefined;
      case "lead_missing":
      default:
        throw new PermanentError("a wake-up names no lead or delivery", { code: "LEAD_NOT_FOUND" });
    }
  }

  async function conclude(outcome: DeliveryOutcome): Promise<undefined> {
    const { state, wakeKind } = outcome;
    if (state === "waiting" && wakeKind === WakeUpKind.deferral) readAhead.noteDeferral();
    await announce(outcome);
  }

  async function work(event: WebhookDue): Promise<Later | undefined> {
    const results = await Promise.allSettled((await prepare(event)).map(settle));
    // Only now: an answer to the message before the last of its deliveries is done would lose that
    // one with us. What may yet succeed comes before what never will.
    const failures = results.flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
    const failure: unknown =
      failures.find((reason) => !(reason instanceof PermanentError)) ?? failures[0];
    if (failure !== undefined) throw failure;
    return results
      .flatMap((one) => (one.status === "fulfilled" ? [one.value] : []))
      .find((later) => later !== undefined);
  }

  return async function handleWebhookDue(event: WebhookDue): Promise<Later | undefined> {
    const turn = await turns.take(event.tenant_id);
    if (turn === null) return { kind: "later", delayMs: 0 }; // another process takes it
    return work(event).finally(() => turn.leave());
  };
}
