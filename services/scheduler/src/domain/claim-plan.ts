/** Where the next claim looks. */
export interface ClaimPlan {
  /**
   * `head`: from the oldest row on. `fresh`: only what has just become due, past a backlog.
   * `others`: all but the tenants that the backlog is made of.
   */
  readonly aim: "head" | "fresh" | "others";
  readonly fromMs: number;
  readonly lookAheadMs: number;
  /** Every few seconds a claim looks further back, unless another replica is at it. */
  readonly sweepFromMs: number | undefined;
  readonly withoutTenants: readonly string[];
}

/** What a claim brought. */
export interface ClaimOutcome {
  readonly tenantIds: readonly string[];
  /** A lane gave all it may: there can be more. */
  readonly isFull: boolean;
  /** Of the latest row it took. */
  readonly lastDueMs: number;
  readonly tookMs: number;
}

export interface ClaimPlanner {
  /** `isBusy`: only one place for a claim is left. */
  next(nowMs: number, isBusy: boolean): ClaimPlan;
  /** `claimedAtMs`: before the claim. */
  note(plan: ClaimPlan, outcome: ClaimOutcome, claimedAtMs: number): void;
  /** Rows from this instant on are in the table again, or newly so. */
  lower(dueMs: number): void;
  lowMs(): number;
}

/** Longer than a poll and a claim take, so polling alone sees every row before it is due. */
const LOOK_AHEAD_MS = 1_500;
/** With one place left there is more than we can hold: take only what is about to be due. */
const LOOK_AHEAD_BUSY_MS = 100;
/** How far behind now the normal claim looks: a commit that was slow to become visible. */
const LOW_MARGIN_MS = 5_000;
const SWEEP_EVERY_MS = 5_000;
/**
 * The sweep finds what a killed or frozen replica gave back, and late rows that another replica
 * stored: those are due at most 30 s before their insert.
 */
const SWEEP_BACK_MS = 60_000;
/** A full claim of rows that were due this long ago says that more is due than goes out. */
const BEHIND_MS = 100;
/** How far back a claim for what has just become due looks. */
const FRESH_MS = 400;
/** An `others` claim reads past all of the backlog: it may take a tenth of the time at most. */
const OTHERS_EVERY_MS = 1_000;
const OTHERS_SHARE = 10;
/** Tenants to pass over at once; a claim takes 512 rows, so few can fill one. */
const HERDS_MAX = 8;

/**
 * Decides where to look. Mostly from `lowMs` on, a bound that skips the dead entries of rows deleted
 * before; it moves up only after a head claim that came back short, so an outage of Postgres or of
 * the broker, however long, leaves it behind and nothing is skipped.
 *
 * While more is due than goes out, claims take turns: one at the head of the backlog, one at what
 * has just become due, so that whoever is due now does not wait for a herd that was due before. And
 * once a second at most a claim passes over the herd's tenants altogether: it finds those due at the
 * very instant of the herd and in the same lanes.
 */
export function createClaimPlanner(startLowMs: number): ClaimPlanner {
  let lowMs = startLowMs;
  let plannedLowMs = startLowMs;
  let isBehind = false;
  let isFreshNext = false;
  let othersAtMs = 0;
  let sweepAtMs = 0;
  let herds: readonly string[] = [];

  function next(nowMs: number, isBusy: boolean): ClaimPlan {
    const lookAheadMs = isBusy ? LOOK_AHEAD_BUSY_MS : LOOK_AHEAD_MS;
    if (isBehind && herds.length > 0 && nowMs >= othersAtMs) {
      othersAtMs = nowMs + OTHERS_EVERY_MS;
      return plan("others", lowMs, 0, herds);
    }
    if (isBehind && isFreshNext) {
      const fromMs = Math.max(lowMs, nowMs - FRESH_MS);
      return plan("fresh", fromMs, LOOK_AHEAD_BUSY_MS);
    }
    plannedLowMs = lowMs;
    if (nowMs < sweepAtMs) return plan("head", lowMs, lookAheadMs);
    sweepAtMs = nowMs + SWEEP_EVERY_MS;
    const sweepFromMs = nowMs - SWEEP_BACK_MS < lowMs ? nowMs - SWEEP_BACK_MS : undefined;
    return { ...plan("head", lowMs, lookAheadMs), sweepFromMs };
  }

  function noteHead(outcome: ClaimOutcome, claimedAtMs: number): void {
    isBehind = outcome.isFull && outcome.lastDueMs < claimedAtMs - BEHIND_MS;
    isFreshNext = isBehind;
    if (isBehind) {
      herds = [...new Set([...herdsOf(outcome.tenantIds), ...herds])].slice(0, HERDS_MAX);
    } else if (!outcome.isFull) {
      herds = [];
      othersAtMs = 0;
      // A wake or a rollback meanwhile may have moved it back: then it stays.
      if (lowMs === plannedLowMs) lowMs = Math.max(lowMs, claimedAtMs - LOW_MARGIN_MS);
    }
  }

  return {
    next,
    note({ aim, sweepFromMs }, outcome, claimedAtMs) {
      if (aim === "head") noteHead(outcome, claimedAtMs);
      else isFreshNext = false;
      if (outcome.isFull && sweepFromMs !== undefined) lowMs = Math.min(lowMs, sweepFromMs);
      if (aim !== "others") return;
      const pauseMs = Math.max(OTHERS_EVERY_MS, outcome.tookMs * OTHERS_SHARE);
      othersAtMs = outcome.isFull ? claimedAtMs : claimedAtMs + pauseMs;
    },
    lower: (dueMs) => void (lowMs = Math.min(lowMs, dueMs)),
    lowMs: () => lowMs,
  };
}

function plan(
  aim: ClaimPlan["aim"],
  fromMs: number,
  lookAheadMs: number,
  withoutTenants: readonly string[] = [],
): ClaimPlan {
  return { aim, fromMs, lookAheadMs, withoutTenants, sweepFromMs: undefined };
}

/** The tenants that fill at least a quarter of a claim. */
function herdsOf(tenantIds: readonly string[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const id of tenantIds) counts.set(id, (counts.get(id) ?? 0) + 1);
  return [...counts].flatMap(([id, count]) => (count * 4 >= tenantIds.length ? [id] : []));
}
