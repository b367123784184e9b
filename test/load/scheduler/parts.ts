import { measureBulkInsert } from "./bulk-insert.ts";
import { measureFairness } from "./fairness.ts";
import { measureIdle } from "./idle.ts";
import { measureInstant } from "./instant.ts";
import { measureKill } from "./kill.ts";
import { measurePending } from "./pending.ts";
import { measurePinned } from "./pinned.ts";
import { measureRate } from "./rate.ts";
import { measureRowSize } from "./row-size.ts";

/** What `npm run load -- scheduler` runs one after the other; each takes minutes by itself. */
export const SCHEDULER_PARTS: Readonly<Record<string, () => Promise<void>>> = {
  "scheduler.instant": measureInstant,
  "scheduler.rate": measureRate,
  "scheduler.fairness": measureFairness,
  "scheduler.insert": measureBulkInsert,
  "scheduler.idle": measureIdle,
  "scheduler.kill": measureKill,
  "scheduler.row_size": measureRowSize,
  "scheduler.pending": measurePending,
  "scheduler.pinned": measurePinned,
};
