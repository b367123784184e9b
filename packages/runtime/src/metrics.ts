import { collectDefaultMetrics, Gauge, Registry } from "@prometheus-io/client";

import { type Counter, createCounter, createHistogram, type Histogram } from "./series.ts";

/** The only file that knows the metrics library. Label values are closed sets: no id, no URL. */
export interface Metrics {
  counter<Label extends string>(
    name: string,
    help: string,
    labels: readonly Label[],
  ): Counter<Label>;
  gauge<Label extends string>(name: string, help: string, labels: readonly Label[]): Gauge<Label>;
  /** A gauge without labels that is read whenever the page is asked for. */
  reading(name: string, help: string, read: () => number): void;
  histogram<Label extends string>(
    name: string,
    help: string,
    labels: readonly Label[],
    bucketsSeconds: readonly number[],
  ): Histogram<Label>;
  /** The page that Prometheus scrapes. */
  render(): Promise<{ readonly contentType: string; readonly body: string }>;
}

/** Seconds: from 5 ms to 10 s, for operations. */
export const OPERATION_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Seconds: lateness matters from a millisecond to an hour. */
export const LATENESS_BUCKETS = [
  0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 60, 300, 3_600,
];

/**
 * Timers sample the event loop's delay and its utilization. At the library's 100 and 10 times a second
 * they were most of what an idle process cost; a loop that is stuck long enough to matter shows at
 * this rate as well.
 */
const EVENT_LOOP_SAMPLE_MS = 1_000;

/** A registry of one's own, with event-loop and memory metrics and the build's identity. */
export function createMetrics(service: string, version: string): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({
    register: registry,
    eventLoopMonitoringPrecision: EVENT_LOOP_SAMPLE_MS,
    eventLoopUtilizationTimeout: EVENT_LOOP_SAMPLE_MS,
  });
  const registers = [registry];
  const own = new Map<string, () => string>();
  function add<Created extends { render(): string }>(name: string, created: Created): Created {
    if (own.has(name) || registry.getSingleMetric(name) !== undefined) {
      throw new Error(`there is a metric ${name} already`);
    }
    own.set(name, () => created.render());
    return created;
  }
  const metrics: Metrics = {
    counter: (name, help, labels) => add(name, createCounter({ name, help, labels })),
    gauge: (name, help, labelNames) =>
      new Gauge({ name, help, labelNames: [...labelNames], registers }),
    reading(name, help, read) {
      const gauge: Gauge = new Gauge({ name, help, registers, collect: () => gauge.set(read()) });
    },
    histogram: (name, help, labels, buckets) =>
      add(name, createHistogram({ name, help, labels }, buckets)),
    async render() {
      const ours = [...own.values()].map((render) => `\n${render()}\n`);
      return {
        contentType: registry.contentType,
        body: (await registry.metrics()) + ours.join(""),
      };
    },
  };
  metrics
    .gauge("valify_build_info", "Always 1; the labels say what runs", ["service", "version"])
    .set({ service, version }, 1);
  return metrics;
}
