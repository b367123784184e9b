import { addToRecent, type MinuteCount, sumOfRecent } from "./recent-counts.ts";

/** How an endpoint does. Times are instants, so that every dispatcher reads the same in them. */
export interface EndpointHealth {
  readonly state: "healthy" | "degraded" | "open" | "disabled";
  readonly consecutiveFailures: number;
  /** The first failure since the last success. */
  readonly failingSince: Date | null;
  readonly recent: readonly MinuteCount[];
  /** While open: when the next delivery may go out and see. */
  readonly probeAt: Date | null;
  readonly probeDelayMs: number;
  /** Throttled by the receiver ever since, without anything else in between. */
  readonly throttledSince: Date | null;
  readonly pausedUntil: Date | null;
  readonly disabledAt: Date | null;
  readonly disabledReason: DisabledReason | null;
}

/** `gone`: it answered 410. `requested`: its answer said so. `failing`: five days of failures. */
export type DisabledReason = "gone" | "requested" | "failing";

/** What one attempt tells of the endpoint. */
export interface HealthSignal {
  readonly kind: "success" | "failure" | "throttled";
  readonly at: Date;
  readonly isProbe: boolean;
  /** The receiver asked to be left alone for so long. */
  readonly pauseMs: number;
  readonly disable: DisabledReason | null;
}

const SECOND_MS = 1_000;
const DAY_MS = 86_400_000;

const OPEN_AFTER_IN_ROW = 10;
const OPEN_SHARE = 0.7;
const DEGRADED_AFTER_IN_ROW = 3;
const DEGRADED_SHARE = 0.2;
/** Fewer attempts than this say nothing about a share. */
const SHARE_OF_AT_LEAST = 10;
const PROBE_DELAY_FIRST_MS = 30 * SECOND_MS;
const PROBE_DELAY_MAX_MS = 15 * 60 * SECOND_MS;
/** Without a success for so long, an endpoint is disabled. */
export const DISABLE_AFTER_MS = 5 * DAY_MS;

export const HEALTHY: EndpointHealth = {
  state: "healthy",
  consecutiveFailures: 0,
  failingSince: null,
  recent: [],
  probeAt: null,
  probeDelayMs: PROBE_DELAY_FIRST_MS,
  throttledSince: null,
  pausedUntil: null,
  disabledAt: null,
  disabledReason: null,
};

/** The state after one signal. Pure, so that every transition is a line of a table in its test. */
export function healthAfter(health: EndpointHealth, signal: HealthSignal): EndpointHealth {
  const next = afterResult(health, signal);
  if (signal.disable === null || next.state === "disabled") return next;
  return disabled(next, signal.at, signal.disable);
}

function afterResult(health: EndpointHealth, signal: HealthSignal): EndpointHealth {
  // Whatever was still under way when it was disabled changes nothing: a person has to act.
  if (health.state === "disabled") return health;
  if (signal.kind === "success") return afterSuccess(health, signal);
  return signal.kind === "failure" ? afterFailure(health, signal) : afterThrottle(health, signal);
}

/**
 * A success closes the circuit, and forgets the share that opened it. A pause stays: the receiver
 * asked for it, and what succeeds during it was under way before.
 */
function afterSuccess(health: EndpointHealth, { at }: HealthSignal): EndpointHealth {
  const before = health.state === "open" ? [] : health.recent;
  const recent = addToRecent(before, at, { failures: 0, successes: 1 });
  const state = isAtLeast(DEGRADED_SHARE, recent, at) ? "degraded" : "healthy";
  return { ...HEALTHY, state, recent, pausedUntil: pauseLeft(health, at) };
}

function afterFailure(health: EndpointHealth, { at, isProbe }: HealthSignal): EndpointHealth {
  const failing: EndpointHealth = {
    ...health,
    consecutiveFailures: health.consecutiveFailures + 1,
    failingSince: health.failingSince ?? at,
    recent: addToRecent(health.recent, at, { failures: 1, successes: 0 }),
    throttledSince: null,
    pausedUntil: pauseLeft(health, at),
  };
  if (isOverdue(failing, at)) return disabled(failing, at, "failing");
  if (health.state === "open") return isProbe ? afterFailedProbe(failing, at) : failing;
  if (
    failing.consecutiveFailures >= OPEN_AFTER_IN_ROW ||
    isAtLeast(OPEN_SHARE, failing.recent, at)
  ) {
    const probeAt = new Date(at.getTime() + PROBE_DELAY_FIRST_MS);
    return { ...failing, state: "open", probeAt, probeDelayMs: PROBE_DELAY_FIRST_MS };
  }
  const isDegraded =
    failing.consecutiveFailures >= DEGRADED_AFTER_IN_ROW ||
    isAtLeast(DEGRADED_SHARE, failing.recent, at);
  return { ...failing, state: isDegraded ? "degraded" : "healthy" };
}

function afterFailedProbe(health: EndpointHealth, at: Date): EndpointHealth {
  const probeDelayMs = nextProbeDelayMs(health.probeDelayMs);
  return { ...health, probeDelayMs, probeAt: new Date(at.getTime() + probeDelayMs) };
}

/** Twice as long as before, up to a quarter of an hour. */
export function nextProbeDelayMs(probeDelayMs: number): number {
  return Math.min(PROBE_DELAY_MAX_MS, probeDelayMs * 2);
}

/** It answers, so it is no failure; it wants fewer requests, so it gets none for a while. */
function afterThrottle(health: EndpointHealth, { at, pauseMs }: HealthSignal): EndpointHealth {
  const untilMs = Math.max(at.getTime() + pauseMs, health.pausedUntil?.getTime() ?? 0);
  const pausedUntil = new Date(untilMs);
  const throttledSince = health.throttledSince ?? at;
  // A probe that is throttled has still to be repeated, once the pause is over.
  const probeAt = health.state === "open" ? pausedUntil : health.probeAt;
  return { ...health, throttledSince, pausedUntil, probeAt };
}

function pauseLeft({ pausedUntil }: EndpointHealth, at: Date): Date | null {
  return pausedUntil !== null && pausedUntil > at ? pausedUntil : null;
}

function isOverdue({ consecutiveFailures, failingSince }: EndpointHealth, at: Date): boolean {
  // An endpoint that is asked once a week does not fail for five days in between.
  if (failingSince === null || consecutiveFailures < OPEN_AFTER_IN_ROW) return false;
  return at.getTime() - failingSince.getTime() >= DISABLE_AFTER_MS;
}

function isAtLeast(share: number, recent: readonly MinuteCount[], at: Date): boolean {
  const { failures, attempts } = sumOfRecent(recent, at);
  return attempts >= SHARE_OF_AT_LEAST && failures >= share * attempts;
}

function disabled(health: EndpointHealth, at: Date, reason: DisabledReason): EndpointHealth {
  return { ...health, state: "disabled", disabledAt: at, disabledReason: reason, probeAt: null };
}
