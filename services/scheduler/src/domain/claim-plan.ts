import type { ClaimOutcome } from "./claim-outcome.ts";
import { LANE_COUNT } from "./lane.ts";

/** Where the next claim looks. */
export interface ClaimPlan {
  /**
   * `head`: from the oldest row on. `ahead`: from where the claim before it ended. `fresh`: only
   * what has just become due, past a backlog. `others`: all but the tenants of the backlog.
   */
  readonly aim: "head" | "ahead" | "fresh" | "others";
  readonly fromMs: number;
  readonly lookAheadMs: number;
  readonly limitPerLane: number;
  /** Every few seconds a claim looks further back, unless another replica is at it. */
  readonly sweepFromMs: number | undefined;
  readonly withoutTenants: readonly string[];
}

export interface ClaimPlanner {
  /** `isBusy`: only one place for a claim is left. */
  next(nowMs: number, isBusy: boolean): ClaimPlan;
  /** `claimedAtMs`: before the claim. */
  note(plan: ClaimPlan, outcome: ClaimOutcome, claimedAtMs: number, tookMs: number): void;
  /** How long until the next claim is needed. */
  pauseMs(nowMs: number, isBusy: boolean): number;
  /** Rows from this instant on are in the table again, or newly so. */
  lower(dueMs: number): void;
  lowMs(): number;
}

export const ROWS_PER_CLAIM = 512;
/** A fair share of all lanes, and what four lanes, one tenant's, need to fill a claim. */
const ROWS_PER_LANE_MIN = ROWS_PER_CLAIM / LANE_COUNT;
const ROWS_PER_LANE_MAX = ROWS_PER_CLAIM / 4;
const POLL_MS = 1_000;
/** Longer than a poll and a claim take, so polling alone sees every row before it is due. */
const LOOK_AHEAD_MS = 1_500;
/** With one place left there is more than we can hold: take only what is about to be due. */
const LOOK_AHEAD_BUSY_MS = 100;
/** A claim comes this long before the first row that nobody may have taken yet. */
const AHEAD_OF_NEED_MS = 50;
/** How far behind what is taken the lower bound follows: a commit that was slow to be seen. */
const LOW_MARGIN_MS = 5_000;
const SWEEP_EVERY_MS = 5_000;
/**
 * The sweep finds what a killed or frozen replica gave back, and late rows that another replica
 * stored: those are due at most 30 s before their insert.
 */
const SWEEP_BACK_MS = 60_000;
/** A full claim of rows that were due this long ago says that more is due than goes out. */
const BEHIND_MS = 100;
/**
 * How far back a claim for what has just become due looks, and how often there is one. Where the last
 * one is longer ago (the herd's first second, a busy machine) it looks back to that one, within reason.
 */
const FRESH_MS = 400;
const FRESH_MAX_MS = 3_000;
const FRESH_EVERY_MS = 50;
/** An `others` claim reads past all of the backlog: it may take a tenth of the time at most. */
const OTHERS_EVERY_MS = 1_000;
const OTHERS_SHARE = 10;
/** A lane that is full of rows due within this belongs to a herd, and it pays to know before its time. */
const HERD_SPAN_MS = 20;
/** Tenants to pass over at once; a claim takes 512 rows, so few can fill one. */
const HERDS_MAX = 8;

/**
 * Decides where to look and when. From `lowMs` on at least once a second, a bound that skips the dead
 * entries of rows deleted before; it follows what is taken and never passes what is not, so an
 * outage of Postgres or of the broker, however long, leaves it behind and nothing is skipped.
 *
 * Between two such claims the next one begins where the last one ended (`coveredMs`): what lies
 * before is taken, by us or by another replica, and walking past it is most of what a claim costs.
 *
 * While more is due than goes out, one claim every 50 ms looks at what has just become due, past the
 * backlog, so that whoever is due now does not wait for a herd that was due before. And once a
 * second at most a claim passes over the herd's tenants altogether: it finds those due at the
 * very instant of the herd and in the same lanes. A herd due at one instant is known by its first
 * full claim, ahead of that instant; then this claim comes next, and the others go out in time.
 */
export function createClaimPlanner(startLowMs: number, random: () => number): ClaimPlanner {
  let lowMs = startLowMs;
  /** Undefined: nobody knows, the next claim begins at `lowMs`. */
  let coveredMs: number | undefined;
  /** The earliest row that was stored or given back since the claim was planned. */
  let loweredToMs = Infinity;
  let pollAtMs = 0;
  let sweepAtMs = 0;
  let isFull = false;
  let limitPerLane = ROWS_PER_LANE_MIN;
  const backlog = createBacklog();

  function next(nowMs: number, isBusy: boolean): ClaimPlan {
    loweredToMs = Infinity;
    const lookAheadMs = isBusy ? LOOK_AHEAD_BUSY_MS : LOOK_AHEAD_MS;
    const usual = { limitPerLane, lookAheadMs, sweepFromMs: undefined, withoutTenants: [] };
    const detour = backlog.next(nowMs, isBusy);
    if (detour === "others") {
      const withoutTenants = backlog.herds();
      const others = { fromMs: lowMs, lookAheadMs: backlog.othersAheadMs(nowMs), withoutTenants };
      return { ...usual, aim: "others", ...others, limitPerLane: ROWS_PER_CLAIM };
    }
    if (detour === "fresh") {
      return { ...usual, aim: "fresh", fromMs: Math.max(lowMs, backlog.freshFromMs(nowMs)) };
    }
    if (coveredMs !== undefined && nowMs < pollAtMs) {
      return { ...usual, aim: "ahead", fromMs: Math.max(lowMs, coveredMs) };
    }
    pollAtMs = nowMs + POLL_MS * (0.8 + 0.4 * random());
    if (nowMs < sweepAtMs) return { ...usual, aim: "head", fromMs: lowMs };
    sweepAtMs = nowMs + SWEEP_EVERY_MS;
    const sweepFromMs = nowMs - SWEEP_BACK_MS < lowMs ? nowMs - SWEEP_BACK_MS : undefined;
    return { ...usual, aim: "head", fromMs: lowMs, sweepFromMs };
  }

  function note(plan: ClaimPlan, outcome: ClaimOutcome, claimedAtMs: number, tookMs: number) {
    if (outcome.isFull && plan.sweepFromMs !== undefined) {
      lowMs = Math.min(lowMs, plan.sweepFromMs);
    }
    backlog.note(plan, outcome, claimedAtMs, tookMs);
    if (plan.aim === "fresh" || plan.aim === "others") return;
    isFull = outcome.isFull;
    limitPerLane = nextLimitPerLane(limitPerLane, outcome);
    coveredMs =
      outcome.coveredMs === undefined ? undefined : Math.min(outcome.coveredMs, loweredToMs);
    if (plan.aim === "ahead" || coveredMs === undefined) return;
    lowMs = Math.max(lowMs, Math.min(coveredMs, claimedAtMs) - LOW_MARGIN_MS);
  }

  return {
    next,
    note,
    pauseMs(nowMs, isBusy) {
      if (coveredMs === undefined || backlog.isBehind() || (isFull && !isBusy)) return 0;
      return Math.max(0, Math.min(pollAtMs, coveredMs - AHEAD_OF_NEED_MS) - nowMs);
    },
    lower(dueMs) {
      lowMs = Math.min(lowMs, dueMs);
      loweredToMs = Math.min(loweredToMs, dueMs);
      if (coveredMs !== undefined) coveredMs = Math.min(coveredMs, dueMs);
    },
    lowMs: () => lowMs,
  };
}

/** Wide where few lanes have rows, so that one tenant can fill a claim; narrow where all have. */
function nextLimitPerLane(limit: number, { isFull, isAtLimit }: ClaimOutcome): number {
  if (isAtLimit) return Math.max(ROWS_PER_LANE_MIN, limit / 2);
  return isFull ? Math.min(ROWS_PER_LANE_MAX, limit * 2) : limit;
}

/** What is done about a backlog, so that it is its own tenants' alone. */
function createBacklog() {
  let isBehind = false;
  let fullToMs = Infinity;
  let freshAtMs = 0;
  /** What was due before this, the last claim for what is fresh has seen. */
  let freshToMs = 0;
  let othersAtMs = 0;
  let herds: readonly string[] = [];

  return {
    isBehind: () => isBehind,
    herds: () => herds,
    /** Not beyond the herd: what it finds first it holds until it has read past all of it. */
    othersAheadMs: (nowMs: number) =>
      isBehind ? 0 : Math.max(0, Math.min(LOOK_AHEAD_MS, fullToMs + 1 - nowMs)),
    /** Of a herd due at one instant all rows lie at `fullToMs`: what is fresh begins behind it. */
    freshFromMs(nowMs: number): number {
      const fromMs = Math.max(nowMs - FRESH_MAX_MS, Math.min(nowMs - FRESH_MS, freshToMs));
      return fullToMs < nowMs - 1 ? Math.max(fromMs, fullToMs + 1) : fromMs;
    },
    next(nowMs: number, isBusy: boolean): "others" | "fresh" | undefined {
      if (herds.length > 0 && nowMs >= othersAtMs && (isBehind || !isBusy)) {
        othersAtMs = nowMs + OTHERS_EVERY_MS;
        return "others";
      }
      if (!isBehind || nowMs < freshAtMs) return undefined;
      freshAtMs = nowMs + FRESH_EVERY_MS;
      return "fresh";
    },
    note({ aim }: ClaimPlan, outcome: ClaimOutcome, claimedAtMs: number, tookMs: number): void {
      if (aim === "others") {
        const pauseMs = Math.max(OTHERS_EVERY_MS, tookMs * OTHERS_SHARE);
        othersAtMs = claimedAtMs + (outcome.isFull ? 2 * tookMs : pauseMs);
      }
      if (aim === "fresh") freshToMs = claimedAtMs;
      if (aim === "fresh" || aim === "others") return;
      fullToMs = outcome.fullToMs;
      isBehind = fullToMs < claimedAtMs - BEHIND_MS;
      if (isBehind || outcome.fullSpanMs < HERD_SPAN_MS) {
        herds = [...new Set([...herdsOf(outcome.tenantIds), ...herds])].slice(0, HERDS_MAX);
      } else if (!outcome.isFull) {
        herds = [];
        othersAtMs = 0;
      }
    },
  };
}

/** The tenants that fill at least a quarter of a claim. */
function herdsOf(tenantIds: readonly string[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const id of tenantIds) counts.set(id, (counts.get(id) ?? 0) + 1);
  return [...counts].flatMap(([id, count]) => (count * 4 >= tenantIds.length ? [id] : []));
}
