import { WakeUpKind } from "@valify/contracts";
import { createBatcher, type Logger } from "@valify/runtime";

import type { DeliveryOutcome } from "./announce-outcome.ts";
import { type Decision, deferral, spread } from "./decisions.ts";
import { type HealthSignal, HEALTHY } from "./domain/endpoint-health.ts";
import type { HealthBoard } from "./endpoint-health-board.ts";
import type { SendResult } from "./http-sender.ts";
import { judgeExchange } from "./judge-exchange.ts";
import type { Endpoint } from "./lead-queries.ts";
import { type Exchange, recordOf } from "./outcome-of.ts";
import type { ClaimedDelivery } from "./prepare-deliveries.ts";
import type { OutcomeRecorder } from "./record-outcomes.ts";
import type { DeliveryRecord } from "./record-queries.ts";

/** How the work on one delivery ended: with a request, or by a decision to make none. */
export type Ending =
  | { readonly delivery: ClaimedDelivery; readonly endpoint: Endpoint; readonly sent: Exchange }
  | { readonly delivery: ClaimedDelivery; readonly decision: Decision };

export interface ConcludeDeps {
  readonly board: Pick<HealthBoard, "health" | "note">;
  readonly recorder: OutcomeRecorder;
  /** Resolves when all of them are in the stream. */
  readonly announce: (outcomes: readonly DeliveryOutcome[]) => Promise<void>;
  /** A wake-up goes back to the scheduler without an attempt. */
  readonly onDeferral: () => void;
  readonly observe: (delivery: ClaimedDelivery, result: SendResult) => void;
  readonly log: Logger;
  readonly now: () => Date;
}

/** What an answer says about its endpoint. */
interface Word {
  readonly endpoint: Endpoint;
  readonly signal: HealthSignal;
}

const GROUP_MAX = 500;
const GATHER_MS = 5;
/** A fault of ours: look again after this, spread by as much again. */
const INTERNAL_DELAY_MS = 20_000;

/**
 * Judges, records and announces what has ended, many at a time: one commit and one flight of
 * messages for a group. Resolves when the ending is recorded and announced, in this order: a crash
 * in between repeats the later step alone.
 */
export function createConcluder(deps: ConcludeDeps, retryDelaysMs: readonly number[]) {
  const { board, recorder, announce, observe, log, now } = deps;
  const batcher = createBatcher<Ending, void>({
    itemsMax: GROUP_MAX,
    delayMs: GATHER_MS,
    // While one group is committed the next gathers: under load groups grow by themselves.
    concurrency: 1,
    run: async (endings) => {
      const words: Word[] = [];
      const records = endings.map((ending) => conclude(ending, words));
      const isRecorded = await recorder.record(records).then(() => true, warn);
      // The next group waits neither for the broker nor for our patience with this one.
      const told = isRecorded
        ? tell(records, words)
        : recorder.insist(records).then(() => tell(records, words));
      return endings.map(() => told);
    },
  });

  function conclude(ending: Ending, words: Word[]): DeliveryRecord {
    const { delivery } = ending;
    if ("decision" in ending) return recordOf(delivery, ending.decision, null);
    const { endpoint, sent } = ending;
    observe(delivery, sent.result);
    if (sent.result.outcome === "internal") {
      return recordOf(delivery, deferral("internal", now(), spread(INTERNAL_DELAY_MS)), null);
    }
    const health = board.health(endpoint) ?? HEALTHY;
    const delaysMs = endpoint.retryDelaysMs ?? retryDelaysMs;
    const { decision, signal } = judgeExchange(delivery, sent.result, health, delaysMs);
    if (signal !== null) words.push({ endpoint, signal });
    return recordOf(delivery, decision, sent);
  }

  async function tell(records: readonly DeliveryRecord[], words: readonly Word[]): Promise<void> {
    for (const record of records) if (isDeferral(record)) deps.onDeferral();
    const notes = words.map(({ endpoint, signal }) => board.note(endpoint, signal));
    await Promise.all([announce(records), ...notes.filter((note) => note !== null)]);
  }

  function warn(err: unknown): false {
    log.warn({ err }, "outcome.record_failed");
    return false;
  }

  return (ending: Ending): Promise<void> => batcher.add(ending);
}

const isDeferral = ({ state, wakeKind }: DeliveryOutcome) =>
  state === "waiting" && wakeKind === WakeUpKind.deferral;
