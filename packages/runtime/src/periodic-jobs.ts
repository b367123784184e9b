import {
  type Database,
  type JobOutcome,
  type JobSchema,
  readJobAges,
  runJobOnce,
} from "@valify/database";
import type { Kysely } from "kysely";

import { createJobMetrics } from "./job-metrics.ts";
import type { Logger } from "./logger.ts";
import type { Metrics } from "./metrics.ts";
import { createWake } from "./wake.ts";

/** What a run is told: retention is reckoned from `now`, never from the host's clock. */
export interface JobRun {
  /** The database's clock when the run began. */
  readonly now: Date;
  /** Aborted when the time is up or the process ends: look at it between two chunks of work. */
  readonly signal: AbortSignal;
}

export interface PeriodicJob {
  /** Unique within the service; a label of its metrics. */
  readonly name: string;
  /** At most one run that ends, in all replicas together, within each period. */
  readonly periodMs: number;
  /** The bound of one run. */
  readonly timeoutMs: number;
  /** May be killed anywhere and done again. Returns what it did, for the log. */
  readonly run: (run: JobRun) => Promise<Readonly<Record<string, number>>>;
}

export interface PeriodicJobsDeps {
  readonly db: Kysely<Database>;
  /** The service's own schema, whose `periodic_jobs` remembers the runs. */
  readonly schema: JobSchema;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly random?: () => number;
}

/** Looking is one statement, and never more often than this. */
const LOOK_MIN_MS = 1_000;
const LOOK_MAX_MS = 60_000;
/** Replicas drift apart, so that the same one does not always come first. */
const JITTER_SHARE = 0.2;
/** How long a run whose signal was aborted may take to notice. */
const GRACE_MS = 2_000;
/** Beyond a run's time and grace, a holder that says nothing is frozen or gone. */
const SILENCE_MARGIN_MS = 5_000;

/**
 * Runs each job once per period in whatever replica comes first, from now until disposed: one
 * after the other, so that housekeeping never takes more than two connections. Disposal aborts the
 * run under way and waits for it; a run cut short counts as none.
 */
export function startPeriodicJobs(
  deps: PeriodicJobsDeps,
  jobs: readonly PeriodicJob[],
): AsyncDisposable {
  const stop = new AbortController();
  const wake = createWake();
  const runner = createJobRunner(deps, jobs, stop.signal);
  const { random = Math.random } = deps;

  async function loop(): Promise<void> {
    while (!stop.signal.aborted) {
      const waitMs = await runner.runDue();
      if (stop.signal.aborted) return;
      await wake.arm(waitMs * (1 + JITTER_SHARE * (2 * random() - 1)));
    }
  }

  const done = loop();
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      wake.wake();
      await done;
    },
  };
}

/** One look at a time: for the loop above, and for tests that do not wait for it. */
export function createJobRunner(
  { db, schema, log, metrics }: PeriodicJobsDeps,
  jobs: readonly PeriodicJob[],
  stop: AbortSignal,
) {
  const observe = createJobMetrics(metrics);

  async function runOne(job: PeriodicJob): Promise<void> {
    const silentMaxMs = job.timeoutMs + GRACE_MS + SILENCE_MARGIN_MS;
    const key = { schema, job: job.name, periodMs: job.periodMs, silentMaxMs };
    await runJobOnce(db, key, (now) => runWithin(job, now));
  }

  async function runWithin(job: PeriodicJob, now: Date): Promise<JobOutcome> {
    const signal = AbortSignal.any([stop, AbortSignal.timeout(job.timeoutMs)]);
    const startedMs = performance.now();
    const durationMs = () => Math.round(performance.now() - startedMs);
    try {
      const did = await Promise.race([job.run({ now, signal }), abandon(signal)]);
      observe.ended(job.name, "succeeded", durationMs() / 1_000);
      const level = Object.values(did).some((count) => count > 0) ? "info" : "debug";
      log[level]({ job: job.name, durationMs: durationMs(), ...did }, "job.succeeded");
      return "succeeded";
    } catch (error) {
      if (stop.aborted) return "stopped";
      observe.ended(job.name, "failed", durationMs() / 1_000);
      log.error({ job: job.name, durationMs: durationMs(), err: error }, "job.failed");
      return "failed";
    }
  }

  /** Milliseconds until the first job's period is over, as the marks tell it. */
  async function look(): Promise<{ due: readonly PeriodicJob[]; waitMs: number }> {
    const ages = new Map((await readJobAges(db, schema)).map((age) => [age.job, age]));
    const waits = jobs.map((job) => {
      const { startedMs = job.periodMs, succeededMs = null } = ages.get(job.name) ?? {};
      observe.age(job.name, succeededMs);
      // An age below zero: the clock was set back, and `runJobOnce` lets the job run.
      return { job, waitMs: startedMs < 0 ? 0 : job.periodMs - startedMs };
    });
    return {
      due: waits.filter(({ waitMs }) => waitMs <= 0).map(({ job }) => job),
      waitMs: Math.min(LOOK_MAX_MS, ...waits.map(({ waitMs }) => waitMs)),
    };
  }

  return {
    /** Runs what is due and returns after how many milliseconds to look again. Never rejects. */
    async runDue(): Promise<number> {
      try {
        for (const job of (await look()).due) {
          if (!stop.aborted) await runOne(job);
        }
        return Math.max(LOOK_MIN_MS, (await look()).waitMs);
      } catch (error) {
        // Postgres is away, or ended a run's transaction: nothing is marked.
        log.warn({ err: error }, "job.not_run");
        return LOOK_MAX_MS;
      }
    },
  };
}

/** Rejects a while after the abort: a job that does not listen must not hold its lock for ever. */
function abandon(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  const give = () => void setTimeout(reject, GRACE_MS, signal.reason);
  if (signal.aborted) give();
  else signal.addEventListener("abort", give, { once: true });
  return promise;
}
