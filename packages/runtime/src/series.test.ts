import assert from "node:assert/strict";
import { test } from "node:test";

import { Counter, Histogram, Registry } from "@prometheus-io/client";

import { createMetrics } from "./metrics.ts";
import { createCounter, createHistogram } from "./series.ts";

const BUCKETS = [0.005, 0.1, 1];
/** On a bound, between two, above all, and below all. */
const VALUES = [0.005, 0.0051, 0.1, 0.25, 1, 3, 3_600, 0];
const help = "For a test";

test("a counter shows what the library's would", async () => {
  const registers = [new Registry()];
  const name = "messages_total";
  const labelNames = ["consumer", "outcome"] as const;
  const theirs = new Counter({ name, help, labelNames: [...labelNames], registers });
  const ours = createCounter({ name, help, labels: labelNames });
  for (const counter of [theirs, ours]) {
    counter.labels({ consumer: "a", outcome: "handled" }).inc();
    counter.inc({ consumer: "b", outcome: 'with "quotes"\\\n' }, 7);
    counter.labels({ consumer: "a", outcome: "handled" }).inc(2);
    counter.labels({ consumer: "c", outcome: "never" }).inc(0);
  }
  assert.equal(`${ours.render()}\n`, await registers[0]?.metrics());
});

test("a histogram shows what the library's would", async () => {
  const registers = [new Registry()];
  const name = "duration_seconds";
  const theirs = new Histogram({ name, help, labelNames: ["kind"], buckets: BUCKETS, registers });
  const ours = createHistogram({ name, help, labels: ["kind"] }, BUCKETS);
  for (const histogram of [theirs, ours]) {
    const fast = histogram.labels({ kind: "fast" });
    for (const value of VALUES) fast.observe(value);
    histogram.observe({ kind: "slow" }, 0.3);
  }
  assert.equal(`${ours.render()}\n`, await registers[0]?.metrics());
});

test("what has no labels is shown from the start, at zero", async () => {
  const registers = [new Registry()];
  const theirs = new Histogram({ name: "late_seconds", help, buckets: BUCKETS, registers });
  const ours = createHistogram({ name: "late_seconds", help, labels: [] }, BUCKETS);
  assert.equal(`${ours.render()}\n`, await registers[0]?.metrics());
  for (const histogram of [theirs, ours]) histogram.observe(0.02);
  assert.equal(`${ours.render()}\n`, await registers[0]?.metrics());
  assert.match(createCounter({ name: "none_total", help, labels: [] }).render(), /^none_total 0$/m);
});

test("a page shows gauges, counters and histograms, and a name is taken once", async () => {
  const metrics = createMetrics("test", "0");
  metrics.counter("page_total", help, []).inc();
  metrics.histogram("page_seconds", help, [], BUCKETS).observe(2);
  metrics.gauge("page_gauge", help, []).set(3);
  const { body } = await metrics.render();
  for (const line of ["page_total 1", 'page_seconds_bucket{le="+Inf"} 1', "page_gauge 3"]) {
    assert.ok(body.split("\n").includes(line), line);
  }
  assert.ok(body.endsWith("\n"));
  assert.throws(() => metrics.counter("page_total", help, []), /page_total/);
  assert.throws(() => metrics.histogram("page_gauge", help, [], BUCKETS), /page_gauge/);
});
