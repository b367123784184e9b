import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";

import type { Bus } from "./bus.ts";
import type { Logger } from "./logger.ts";
import type { Metrics } from "./metrics.ts";
import { startPeriodic } from "./periodic.ts";

export interface QueueMetricsDeps {
  readonly bus: Pick<Bus, "connection">;
  readonly log: Logger;
  readonly metrics: Metrics;
}

export interface Queue {
  readonly stream: string;
  readonly durable: string;
}

const EVERY_MS = 15_000;

/**
 * Shows how much waits in front of a durable and for how long, asked of the server now and every
 * 15 s: what is not consumed at all shows too. Every replica shows the same. Dispose it to stop.
 */
export async function startQueueMetrics(
  { bus, log, metrics }: QueueMetricsDeps,
  queue: Queue,
): Promise<AsyncDisposable> {
  const manager = await jetstreamManager(bus.connection);
  const gauges = gaugesOf(metrics);
  const labels = { stream: queue.stream, consumer: queue.durable };

  async function look(): Promise<void> {
    const info = await manager.consumers.info(queue.stream, queue.durable);
    const { num_pending: pending, num_ack_pending: unanswered, num_redelivered: again } = info;
    gauges.messages.set({ ...labels, state: "pending" }, pending);
    gauges.messages.set({ ...labels, state: "ack_pending" }, unanswered);
    gauges.messages.set({ ...labels, state: "redelivered" }, again);
    const isEmpty = pending + unanswered === 0;
    const { filter_subject: subject = "" } = info.config;
    const after = info.ack_floor.stream_seq + 1;
    const since = isEmpty ? undefined : await timeOf(manager, queue.stream, subject, after);
    gauges.age.set(labels, since === undefined ? 0 : Math.max(0, Date.now() - since) / 1_000);
  }

  const event = "queue.not_read";
  await look().catch((error: unknown) => log.warn({ ...queue, err: error }, event));
  return startPeriodic(look, { intervalMs: EVERY_MS, event, log });
}

/** When the oldest message that is not acknowledged yet was stored. */
async function timeOf(
  manager: JetStreamManager,
  stream: string,
  subject: string,
  seq: number,
): Promise<number | undefined> {
  const message = await manager.direct.getMessage(stream, { seq, next_by_subj: subject });
  return message?.time.getTime();
}

type Gauges = ReturnType<typeof createGauges>;

/** A registry takes a name once, and a service has several queues. */
const known = new WeakMap<Metrics, Gauges>();

function gaugesOf(metrics: Metrics): Gauges {
  const gauges = known.get(metrics) ?? createGauges(metrics);
  known.set(metrics, gauges);
  return gauges;
}

function createGauges(metrics: Metrics) {
  return {
    messages: metrics.gauge("valify_queue_messages", "Messages in front of a durable", [
      "stream",
      "consumer",
      "state",
    ]),
    age: metrics.gauge(
      "valify_queue_oldest_message_age_seconds",
      "Age of the oldest message that is not acknowledged yet",
      ["stream", "consumer"],
    ),
  };
}
