import { LATENESS_BUCKETS, type Metrics } from "@valify/runtime";

/** What the loop tells about itself. */
export interface LoopSignals {
  /** Seconds from the due instant to the stream's acknowledgement: every event, none left out. */
  observeLateness(seconds: number): void;
  /** The stream held the message already. */
  observeDuplicate(): void;
  /** Rows claimed and not yet committed. */
  addInFlight(count: number): void;
  /** The database's clock less ours, and how wrong our idea of it may be. */
  observeClock(offsetSeconds: number, errorSeconds: number): void;
  /** Rows past their instant, up to a limit, and the age of the oldest. */
  observeBacklog(rows: number, oldestSeconds: number): void;
}

export function createLoopSignals(metrics: Metrics): LoopSignals {
  const gauge = (name: string, help: string) => metrics.gauge(name, help, []);
  const lateness = metrics.histogram(
    "valify_schedule_lateness_seconds",
    "From the due instant to the stored event",
    [],
    LATENESS_BUCKETS,
  );
  const duplicates = metrics.counter(
    "valify_schedule_duplicates_total",
    "Events that the stream held already when they were published",
    [],
  );
  const inFlight = gauge("valify_schedule_in_flight", "Rows claimed and not yet committed");
  const offset = gauge("valify_schedule_clock_offset_seconds", "The database's clock less ours");
  const error = gauge(
    "valify_schedule_clock_error_seconds",
    "How far behind the database's clock we may be",
  );
  const backlog = gauge("valify_schedule_backlog", "Rows past their instant, up to 16,000");
  const oldest = gauge(
    "valify_schedule_oldest_overdue_seconds",
    "How long the oldest pending row is past its instant",
  );
  return {
    observeLateness: (seconds) => lateness.observe(seconds),
    observeDuplicate: () => duplicates.inc(),
    addInFlight: (count) => inFlight.inc(count),
    observeClock(offsetSeconds, errorSeconds) {
      offset.set(offsetSeconds);
      error.set(errorSeconds);
    },
    observeBacklog(rows, oldestSeconds) {
      backlog.set(rows);
      oldest.set(oldestSeconds);
    },
  };
}
