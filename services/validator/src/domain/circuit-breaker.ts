export interface CircuitBreaker {
  /** Whether a call may be made now. After a pause one caller at a time may try. */
  readonly allows: (nowMs: number) => boolean;
  readonly succeeded: () => void;
  readonly failed: (nowMs: number) => void;
}

export interface CircuitBreakerOptions {
  /** So many failures one after the other, and nobody calls for a while. */
  readonly failuresMax: number;
  readonly pauseMs: number;
}

/** Spares a provider that is down, and our own batches the waiting for it. */
export function createCircuitBreaker(options: CircuitBreakerOptions): CircuitBreaker {
  const { failuresMax, pauseMs } = options;
  let failures = 0;
  let openUntilMs = 0;
  return {
    allows(nowMs) {
      if (failures < failuresMax) return true;
      if (nowMs < openUntilMs) return false;
      // One tries; whoever comes until it has failed or succeeded is refused.
      openUntilMs = nowMs + pauseMs;
      return true;
    },
    succeeded() {
      failures = 0;
    },
    failed(nowMs) {
      failures += 1;
      if (failures >= failuresMax) openUntilMs = nowMs + pauseMs;
    },
  };
}
