import assert from "node:assert/strict";
import { test } from "node:test";

import {
  batchUploaded,
  endpointDisabled,
  type EventContract,
  leadValidated,
  webhookDelivered,
  webhookDue,
  webhookRetry,
} from "@valify/contracts";

import { readAlertRules, type Selector, selectorsOf } from "../support/alert-rules.ts";
import { leadCsv } from "../support/lead-csv.ts";
import { untilStored } from "../support/moments.ts";
import type { ServiceProcess } from "../support/service-process.ts";
import { type Stack, startStack } from "../support/stack.ts";

// Dashboards, alerts and other teams use these names and labels: a change breaks them silently.
const METRICS = {
  everywhere: [
    "messaging_client_consumed_messages_total{consumer,outcome}",
    "messaging_process_duration_seconds{consumer}",
    "valify_build_info{service,version}",
    "valify_queue_messages{consumer,state,stream}",
    "valify_queue_oldest_message_age_seconds{consumer,stream}",
  ],
  validator: [
    "valify_batch_duration_seconds{}",
    "valify_batches_total{status}",
    "valify_rows_processed_total{outcome}",
  ],
  scheduler: ["valify_schedule_lateness_seconds{}"],
  "webhook-dispatcher": [
    "http_client_request_duration_seconds{error_type,purpose,status_class}",
    "valify_webhook_attempts_total{attempt,outcome}",
    "valify_webhook_connections{reused}",
    "valify_webhook_deliveries{state}",
    "valify_webhook_dispatchers{}",
    "valify_webhook_delivery_latency_seconds{attempt,waiting}",
    "valify_webhook_endpoints{state}",
    "valify_webhook_endpoints_failing{share}",
    "valify_webhook_exhausted_total{}",
  ],
} as const;

// Goal: from the upload to an attempt after the wait there is one trace, and what other teams and
// dashboards rely on is there.
// Method: one lead whose endpoint fails once and answers then; a second one whose endpoint is gone.
test("one trace from upload to attempt, frozen metrics, and a word when an endpoint goes", async () => {
  await using stack = await startStack({ retryDelays: "PT0.4S", receiver: { respond: [500] } });
  const { api, receiver } = stack;
  const { batch_id: batchId } = await api.upload(leadCsv({ valid: 1 }));
  await stack.waitFor(async () => (await api.webhookCounts(batchId)).sent === 1, "a sent webhook");

  await oneTrace(stack, batchId);
  assert.equal(receiver.received.length, 2);
  assert(
    receiver.received.every(({ headers }) => headers["traceparent"] === undefined),
    "our ids are nothing to a customer",
  );
  await frozenMetrics(stack);
  await alertsFindTheirMetrics(stack);

  receiver.respondWith(() => 410);
  await api.upload(leadCsv({ valid: 3, from: 10 }));
  const [disabled] = await untilStored(stack, endpointDisabled, 1);
  assert.equal(disabled?.event.reason, "gone");
  await stack.waitFor(async () => (await heldCount(stack)) === 3, "three held deliveries");
  const { rows } = await stack.db.query("select from scheduling.due");
  assert.equal(rows.length, 0, "nobody knows when the endpoint is back");
  assert.equal((await untilStored(stack, endpointDisabled, 1)).length, 1);
});

async function oneTrace(stack: Stack, batchId: string): Promise<void> {
  const accepted = logLine(stack.services.ingest, "batch.accepted", batchId);
  const traceId = accepted["trace_id"];
  assert.match(String(traceId), /^[0-9a-f]{32}$/);
  const failed = logLine(stack.services["webhook-dispatcher"], "delivery.attempt_failed", batchId);
  assert.equal(failed["trace_id"], traceId);
  const contracts: readonly EventContract[] = [
    batchUploaded,
    leadValidated,
    webhookDue,
    webhookRetry,
    webhookDelivered,
  ];
  for (const contract of contracts) {
    for (const { headers } of await untilStored(stack, contract, 1)) {
      const [, inHeader, spanId] = String(headers["traceparent"]).split("-");
      assert.equal(inHeader, traceId, contract.subject);
      assert.match(String(spanId), /^[0-9a-f]{16}$/);
    }
  }
}

function logLine({ logs }: ServiceProcess, event: string, batchId: string) {
  const found = logs.find((line) => line.includes(`"${event}"`) && line.includes(batchId));
  const line: Record<string, unknown> = JSON.parse(found ?? "{}");
  return line;
}

async function frozenMetrics({ services }: Stack): Promise<void> {
  for (const name of ["validator", "scheduler", "webhook-dispatcher"] as const) {
    const response = await fetch(`http://127.0.0.1:${services[name].port}/metrics`);
    const shown = metricsOf(await response.text());
    for (const metric of [...METRICS.everywhere, ...METRICS[name]]) {
      assert(shown.has(metric), `${name} shows ${metric}`);
    }
  }
}

/** Of somebody else: what Prometheus itself says of its targets, and what Kubernetes says of a job. */
const FOREIGN_METRICS = new Set(["up", "kube_job_status_failed"]);

/** An alert over a metric or a label that nobody shows can never fire, and nobody would notice. */
async function alertsFindTheirMetrics({ services }: Stack): Promise<void> {
  const pages = Object.values(services).map(async ({ port }) => {
    const response = await fetch(`http://127.0.0.1:${port}/metrics`);
    return response.text();
  });
  const shown = (await Promise.all(pages)).flatMap((page) => page.split("\n").map(seriesOf));
  const isThere = ({ metric, labels, values }: Selector) =>
    shown.some(
      (series) =>
        series.metric === metric &&
        labels.every((label) => series.labels.has(label)) &&
        Object.entries(values).every(([label, value]) => series.labels.get(label) === value),
    );
  const rules = readAlertRules();
  for (const { alert, record, expr } of rules) {
    for (const selector of selectorsOf(expr)) {
      const { metric } = selector;
      if (FOREIGN_METRICS.has(metric) || rules.some((rule) => rule.record === metric)) continue;
      assert.ok(isThere(selector), `${alert ?? record} asks for ${JSON.stringify(selector)}`);
    }
  }
}

function seriesOf(line: string) {
  const [, metric = "", labels = ""] = /^([a-z_0-9]+)(?:\{(.*)\})? /.exec(line) ?? [];
  const pairs = [...labels.matchAll(/([a-z_]+)="([^"]*)"/g)];
  return { metric, labels: new Map(pairs.map(([, label = "", value = ""]) => [label, value])) };
}

/** `name{label,label}` of every metric on the page. */
function metricsOf(page: string): ReadonlySet<string> {
  const lines = page.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Set(
    lines.map((line) => {
      const [, name = "", labels = ""] = /^([a-z_0-9]+)(?:\{(.*)\})? /.exec(line) ?? [];
      const names = [...labels.matchAll(/([a-z_]+)="/g)].map(([, label]) => label ?? "");
      const own = names.filter((label) => label !== "le").toSorted((a, b) => a.localeCompare(b));
      return `${name.replace(/_(bucket|sum|count)$/, "")}{${own.join(",")}}`;
    }),
  );
}

async function heldCount({ db }: Stack): Promise<number> {
  const { rows } = await db.query<{ count: number }>(
    `select count(*)::int as count from delivery.deliveries
     where state = 'held' and wait_reason = 'disabled' and cycle_attempts <= 1`,
  );
  return rows[0]?.count ?? 0;
}
