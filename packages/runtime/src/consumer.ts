import { jetstream } from "@nats-io/jetstream";

import { startPullSubscription } from "./pull-subscription.ts";
import type { PulledMessage } from "./pulled-message.ts";
import { startQueueMetrics } from "./queue-metrics.ts";
import { type ConsumerDeps, type ConsumerSpec, createSettler } from "./settle-message.ts";

export interface Consumer extends AsyncDisposable {
  /** Rejects when the loop dies, as when the durable was deleted. Resolves after disposal. */
  readonly done: Promise<void>;
}

/** Asks for more once this share of the places is free: many messages per request. */
const REFILL_SHARE = 0.5;

/**
 * Runs a durable consumer: pulls what there is room for, and hands each message to its handler.
 * Disposal stops pulling, lets running handlers end, and gives the rest back at once.
 */
export async function startConsumer<Event extends object>(
  deps: ConsumerDeps,
  spec: ConsumerSpec<Event>,
): Promise<Consumer> {
  const { connection, inboxPrefix } = deps.bus;
  const { stream } = spec.event;
  // Refuses to start without its durable.
  await jetstream(connection).consumers.get(stream, spec.durable);
  const running = new Set<Promise<void>>();
  const { concurrency } = spec;
  const places = typeof concurrency === "number" ? () => concurrency : concurrency;
  let stopping = false;
  const settle = createSettler(deps, spec, () => stopping);
  const pull = startPullSubscription({
    connection,
    inboxPrefix,
    stream,
    durable: spec.durable,
    onMessage,
  });

  function onMessage(message: PulledMessage): void {
    if (stopping) {
      message.nak();
      return;
    }
    const work = settle(message)
      .catch((error: unknown) => {
        // Only a connection that is closed for good refuses an answer; the message comes back.
        deps.log.error({ durable: spec.durable, err: error }, "message.answer_failed");
      })
      .finally(() => {
        running.delete(work);
        const room = places() - running.size;
        const refill = Math.max(1, Math.floor(places() * REFILL_SHARE));
        if (room - pull.outstanding() >= refill) pull.fill(room);
      });
    running.add(work);
  }

  const queue = await startQueueMetrics(deps, { stream, durable: spec.durable });
  pull.fill(places());
  const done = pull.done.then(() => idle());
  // A rejection before anybody listens must not end the process without its log line.
  done.catch(() => {});

  async function idle(): Promise<void> {
    await Promise.allSettled(running);
  }

  return {
    done,
    async [Symbol.asyncDispose]() {
      stopping = true;
      await queue[Symbol.asyncDispose]();
      await pull.drain();
      // After a loop that died, handlers may still be at work.
      await idle();
    },
  };
}
