import { blameForSilence } from "./domain/silence-blame.ts";

/** Remembers who is not answered for, and since when, to tell whose fault that is. */
export interface SilenceLedger {
  /** It was answered for: it is well, and so is the way we asked. */
  answered(subject: string): void;
  /** Its failure is told clearly: whatever comes next is a new one. */
  forget(subject: string): void;
  /** It was not answered for, just now. */
  blame(subject: string): "ours" | "theirs";
}

/** Far more than fail at a time; whoever is forgotten is failing since now. */
const FAILING_MAX = 1_000;

/** `now`: a steady clock, in milliseconds. */
export function createSilenceLedger(now: () => number): SilenceLedger {
  const failingSince = new Map<string, number>();
  let lastAnsweredMs: number | null = null;

  return {
    answered(subject) {
      lastAnsweredMs = now();
      failingSince.delete(subject);
    },
    forget: (subject) => void failingSince.delete(subject),
    blame(subject) {
      const nowMs = now();
      const failingSinceMs = failingSince.get(subject) ?? nowMs;
      if (!failingSince.has(subject) && failingSince.size >= FAILING_MAX) failingSince.clear();
      failingSince.set(subject, failingSinceMs);
      return blameForSilence({ nowMs, failingSinceMs, lastAnsweredMs });
    },
  };
}
