import type { Database } from "@valify/database";
import { sql, type Transaction } from "kysely";

import { type Actor, recordAudit } from "./audit.ts";
import type { Failure } from "./problem.ts";
import { insertReplay, listRunning, lockStarts, type StoredReplay } from "./replay-queries.ts";
import { countReplay, type ReplayFilter } from "./replay-selection.ts";

/** Of one tenant at a time: they take turns, chunk by chunk. */
const RUNNING_MAX = 20;
const PLAN_TIMEOUT_MS = 15_000;

const tooMany: Failure = {
  status: 409,
  code: "REPLAY_LIMIT_REACHED",
  detail: `At most ${RUNNING_MAX} replays run at once: wait for one, or cancel it`,
};
const tooWide: Failure = {
  status: 422,
  code: "REPLAY_TOO_WIDE",
  detail: "Counting takes too long: narrow it by a batch or by time",
};

type Plan = { readonly kind: "planned"; readonly count: number } | Refusal;
type Start = { readonly kind: "started"; readonly replay: StoredReplay } | Refusal;
type Refusal = { readonly kind: "refused"; readonly failure: Failure };

/** How many it would be. Ends the transaction's use where it takes too long. */
export async function planReplay(trx: Transaction<Database>, filter: ReplayFilter): Promise<Plan> {
  await sql`select set_config('statement_timeout', ${String(PLAN_TIMEOUT_MS)}, true)`.execute(trx);
  try {
    return { kind: "planned", count: await countReplay(trx, filter) };
  } catch (error) {
    const isTooLong = error instanceof Error && "code" in error && error.code === "57014";
    if (!isTooLong) throw error;
    return refuse(tooWide);
  }
}

/**
 * Plans and starts. One that covers the same and still runs is the answer to a repeated request:
 * deliveries keep their rounds, but the count of what was queued would say it twice.
 */
export async function startReplay(
  trx: Transaction<Database>,
  actor: Actor,
  filter: ReplayFilter,
): Promise<Start> {
  const plan = await planReplay(trx, filter);
  if (plan.kind === "refused") return plan;
  await lockStarts(trx, actor.tenantId);
  const running = await listRunning(trx, actor.tenantId);
  const same = running.find((replay) => coversTheSame(replay, filter));
  if (same !== undefined) return { kind: "started", replay: same };
  if (running.length >= RUNNING_MAX) return refuse(tooMany);
  const replay = await insertReplay(trx, { ...filter, planned_count: plan.count });
  await recordAudit(trx, actor, {
    action: "replay.started",
    objectKind: "replay",
    objectId: replay.replay_id,
    details: { scope: replay.scope, planned: plan.count },
  });
  return { kind: "started", replay };
}

/** `to` is the moment of asking unless it was given, so it does not tell two requests apart. */
function coversTheSame(replay: StoredReplay, filter: ReplayFilter): boolean {
  return (
    replay.scope === filter.scope &&
    replay.endpoint_id === (filter.endpoint_id ?? null) &&
    replay.batch_id === (filter.batch_id ?? null) &&
    (replay.from_at?.getTime() ?? null) === timeOf(filter.from_at)
  );
}

function timeOf(instant: Date | string | null | undefined): number | null {
  return instant === null || instant === undefined ? null : new Date(instant).getTime();
}

/** Wakes what was held for an endpoint. Nothing held: nothing to start. */
export async function recoverHeld(
  trx: Transaction<Database>,
  actor: Actor,
  endpointId: string,
): Promise<void> {
  const filter = {
    tenant_id: actor.tenantId,
    scope: "held",
    endpoint_id: endpointId,
    batch_id: null,
    from_at: null,
    to_at: new Date(),
  } as const;
  const plan = await planReplay(trx, filter);
  if (plan.kind === "planned" && plan.count > 0) await startReplay(trx, actor, filter);
}

function refuse(failure: Failure): Refusal {
  return { kind: "refused", failure };
}
