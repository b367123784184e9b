import { type WebhookDue, WakeUpKind } from "@valify/contracts";

const CLOCKS_DIFFER_MAX_MS = 60_000;

/** What the broker promises, in milliseconds. */
export interface BrokerTimes {
  /** A copy of a message is stored only when this has passed since the first. */
  readonly dedupeWindowMs: number;
  /** A message that was handed out comes again only when this has passed. */
  readonly ackWaitMs: number;
}

/**
 * Whether nobody else can be at work on this wake-up: it is the first of its lead, the server has
 * handed it out once, and no copy of it can be in the stream before the work on it has ended. It was
 * published when it fell due or later. Such a delivery needs no claim while it has left no trace in
 * the database.
 */
export function isExclusive(
  { kind, due_at: dueAt }: WebhookDue,
  isRedelivered: boolean,
  { dedupeWindowMs, ackWaitMs }: BrokerTimes,
  now: Date,
): boolean {
  if (kind !== WakeUpKind.first || isRedelivered) return false;
  const ageMaxMs = dedupeWindowMs - ackWaitMs - CLOCKS_DIFFER_MAX_MS;
  return now.getTime() - Date.parse(dueAt) < ageMaxMs;
}
