import { jetstreamManager } from "@nats-io/jetstream";

import { startPeriodic } from "./periodic.ts";
import type { QueueMetricsDeps } from "./queue-metrics.ts";
import { STREAM_NAMES } from "./topology.ts";

const EVERY_MS = 15_000;

/**
 * Shows how full each stream is, now and every 15 s: a full one refuses what is published, and what
 * lies in DLQ waits for a person. Every replica shows the same. Dispose it to stop.
 */
export async function startStreamMetrics(deps: QueueMetricsDeps): Promise<AsyncDisposable> {
  const { bus, log, metrics } = deps;
  const manager = await jetstreamManager(bus.connection);
  const messages = metrics.gauge("valify_stream_messages", "Messages a stream holds", ["stream"]);
  const fill = metrics.gauge(
    "valify_stream_fill_ratio",
    "Bytes a stream holds, of the bytes it may hold",
    ["stream"],
  );

  async function look(): Promise<void> {
    for (const stream of STREAM_NAMES) {
      const { state, config } = await manager.streams.info(stream);
      messages.set({ stream }, state.messages);
      fill.set({ stream }, state.bytes / config.max_bytes);
    }
  }

  const event = "streams.not_read";
  await look().catch((error: unknown) => log.warn({ err: error }, event));
  return startPeriodic(look, { intervalMs: EVERY_MS, event, log });
}
