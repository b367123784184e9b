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
  const { concurrency } = spec;
  const places = typeof concurrency === "number" ? () => concurrency : concurrency;
  const running = createRunning();
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
    running.enter();
    void settle(message).then(leave);
  }

  function leave(): void {
    running.leave();
    const atOnce = places();
    const room = atOnce - running.count();
    const refill = Math.max(1, Math.floor(atOnce * REFILL_SHARE));
    if (room - pull.outstanding() >= refill) pull.fill(room);
  }

  const queue = await startQueueMetrics(deps, { stream, durable: spec.durable });
  pull.fill(places());
  const done = pull.done.then(() => running.untilNone());
  // A rejection before anybody listens must not end the process without its log line.
  done.catch(() => {});

  return {
    done,
    async [Symbol.asyncDispose]() {
      stopping = true;
      await queue[Symbol.asyncDispose]();
      await pull.drain();
      // After a loop that died, handlers may still be at work.
      await running.untilNone();
    },
  };
}

/** Counts handlers at work: a set of their promises would cost each of them another. */
function createRunning() {
  const none = Promise.withResolvers<void>();
  let count = 0;
  let isAwaited = false;
  return {
    count: () => count,
    enter: () => void (count += 1),
    leave(): void {
      count -= 1;
      if (count === 0 && isAwaited) none.resolve();
    },
    /** Once no more can come. */
    untilNone(): Promise<void> {
      isAwaited = true;
      if (count === 0) none.resolve();
      return none.promise;
    },
  };
}
