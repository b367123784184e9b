import type { Metrics } from "./metrics.ts";

/** Seconds: most housekeeping is done at once, none of it may take more than minutes. */
const DURATION_BUCKETS = [0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300];

/** `job` alone is what Prometheus itself calls a scraped service. */
const LABEL = "periodic_job";

/** Job names are a closed set per service, so they may be labels. */
export function createJobMetrics(metrics: Metrics) {
  const runs = metrics.counter("valify_job_runs_total", "Runs of periodic jobs that ended here", [
    LABEL,
    "outcome",
  ]);
  const durations = metrics.histogram(
    "valify_job_duration_seconds",
    "Duration of a run",
    [LABEL],
    DURATION_BUCKETS,
  );
  const ages = metrics.gauge(
    "valify_job_last_success_age_seconds",
    "Since the last good run in any replica, as of the last look; +Inf before the first",
    [LABEL],
  );
  return {
    ended(job: string, outcome: "succeeded" | "failed", seconds: number): void {
      runs.inc({ [LABEL]: job, outcome });
      durations.observe({ [LABEL]: job }, seconds);
    },
    /** Null: no run ever did well. */
    age(job: string, succeededMs: number | null): void {
      ages.set({ [LABEL]: job }, succeededMs === null ? Infinity : succeededMs / 1_000);
    },
  };
}
