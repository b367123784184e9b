/** One dependency: resolves when it works, rejects when it does not. Must settle by itself. */
export type HealthCheck = () => Promise<void>;

export interface HealthReport {
  readonly healthy: boolean;
  readonly failing: readonly string[];
}

export interface Health {
  /** Asks every dependency, at most once a second however many ask. */
  report(): Promise<HealthReport>;
  /** From now on not ready: a load balancer looks elsewhere while the process ends. */
  drain(): void;
}

const CHECK_TIMEOUT_MS = 2_000;
/** Probes of a load balancer must not become load on the database. */
const REPORT_CACHE_MS = 1_000;

/** Remembers the last report for a second. `now` is in milliseconds. */
export function createHealth(
  checks: Readonly<Record<string, HealthCheck>>,
  now: () => number = () => performance.now(),
): Health {
  let draining = false;
  let cached: { readonly atMs: number; readonly report: Promise<HealthReport> } | undefined;
  return {
    async report() {
      if (draining) return { healthy: false, failing: ["draining"] };
      if (cached === undefined || now() - cached.atMs > REPORT_CACHE_MS) {
        cached = { atMs: now(), report: runChecks(checks) };
      }
      return cached.report;
    },
    drain() {
      draining = true;
    },
  };
}

async function runChecks(checks: Readonly<Record<string, HealthCheck>>): Promise<HealthReport> {
  const results = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => ((await passes(check)) ? [] : [name])),
  );
  const failing = results.flat();
  return { healthy: failing.length === 0, failing };
}

async function passes(check: HealthCheck): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, CHECK_TIMEOUT_MS, false);
  });
  try {
    return await Promise.race([
      // Inside a function, so that a check that throws at once fails like any other.
      (async () => check())().then(
        () => true,
        () => false,
      ),
      timeout,
    ]);
  } finally {
    clearTimeout(timer);
  }
}
