import { randomUUID } from "node:crypto";

import { batchIdOfUuid, WakeUpKind, type WebhookRetry } from "@valify/contracts";
import { createWake, type Logger } from "@valify/runtime";
import { z } from "zod";

import {
  claimReplay,
  finishChunk,
  releaseReplay,
  type StoredReplay,
  storeChunk,
} from "./replay-queries.ts";
import { selectChunk } from "./replay-selection.ts";
import type { RetryWebhooksDeps } from "./retry-webhooks.ts";
import { asSystem } from "./tenant-scope.ts";

const WakeUps = z.array(z.tuple([z.guid(), z.int(), z.guid()]).readonly());
type WakeUp = z.infer<typeof WakeUps>[number];

/**
 * One chunk of the replay that waited longest. Returns false when none is running. The chunk is
 * stored, then published, then counted: killed anywhere, the next turn, here or in another replica,
 * goes on with the same wake-ups, which JetStream, scheduler and dispatcher know again by their round.
 */
export async function runReplayTurn({ db, publishRetries }: RetryWebhooksDeps): Promise<boolean> {
  const token = randomUUID();
  const claimed = await asSystem(db, async (trx) => {
    const replay = await claimReplay(trx, token);
    if (replay === undefined) return null;
    if (replay.chunk !== null) return { replay, wakeUps: WakeUps.parse(replay.chunk) };
    const chunk = await selectChunk(trx, replay);
    const isMine = await storeChunk(trx, token, replay, chunk);
    return isMine ? { replay, wakeUps: chunk.wakeUps } : { replay, wakeUps: [] };
  });
  if (claimed === null) return false;
  const { replay, wakeUps } = claimed;
  try {
    await publishRetries(wakeUps.map((wakeUp) => eventOf(wakeUp, replay)));
  } catch (error) {
    await asSystem(db, (trx) => releaseReplay(trx, token, replay));
    throw error;
  }
  await asSystem(db, (trx) => finishChunk(trx, token, replay, wakeUps.length));
  return true;
}

/** Due when the replay was asked for: what waits for its turn is late, and its lateness is seen. */
function eventOf([id, round, batchUuid]: WakeUp, replay: StoredReplay): WebhookRetry {
  return {
    id,
    kind: WakeUpKind.recover,
    round,
    tenant_id: replay.tenant_id,
    batch_id: batchIdOfUuid(batchUuid),
    not_before: replay.created_at.toISOString(),
  };
}

/** How often a replica looks for a replay that somebody else was told of. */
const IDLE_MS = 2_000;
const FAILED_MS = 1_000;

export interface ReplayWorker extends AsyncDisposable {
  /** There is a new one. */
  wake(): void;
}

/** Works off replays until disposed; a chunk under way is finished. Any number of replicas may. */
export function startReplayWorker(deps: RetryWebhooksDeps, log: Logger): ReplayWorker {
  const wake = createWake();
  const stop = new AbortController();

  async function run(): Promise<void> {
    while (!stop.signal.aborted) {
      const isBusy = await runReplayTurn(deps).catch((error: unknown) => {
        log.warn({ err: error }, "replay.turn_failed");
        return null;
      });
      if (stop.signal.aborted || isBusy === true) continue;
      await wake.arm(isBusy === null ? FAILED_MS : IDLE_MS);
    }
  }

  const done = run();
  return {
    wake: () => wake.wake(),
    async [Symbol.asyncDispose]() {
      stop.abort();
      wake.wake();
      await done;
    },
  };
}
