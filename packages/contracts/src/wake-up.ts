import { z } from "zod";

import { BatchId, TenantId } from "./ids.ts";

/**
 * Why a webhook wakes up. Numbers, since the scheduler keeps one per pending row: never renumber.
 * `first` names a lead, which becomes one delivery per endpoint; all others name a delivery.
 */
export const WakeUpKind = { first: 0, retry: 1, deferral: 2, manual: 3, recover: 4 } as const;
export type WakeUpKind = (typeof WakeUpKind)[keyof typeof WakeUpKind];

/** For a number out of a table, whose check constraint holds it to 0..4; its type does not know. */
export function wakeUpKindOf(kind: number): WakeUpKind {
  if (kind === 0 || kind === 1 || kind === 2 || kind === 3 || kind === 4) return kind;
  throw new Error(`no kind of wake-up: ${kind}`);
}

/** What `webhook.due` and `webhook.retry` share: ids only, nothing personal. */
export const wakeUpFields = {
  /** The lead's uuid for kind 0, the delivery's for every other. */
  id: z.guid(),
  kind: z.literal([0, 1, 2, 3, 4]),
  /** Counts the wake-ups of this id, so that a deferral never shares a message id with its cause. */
  round: z.int().nonnegative(),
  tenant_id: TenantId,
  batch_id: BatchId,
};
