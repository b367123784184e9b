import { setTimeout as pause } from "node:timers/promises";

import { type ConsumerMessages, jetstream, type JsMsg } from "@nats-io/jetstream";

import { type ConsumerDeps, type ConsumerSpec, createSettler } from "./settle-message.ts";

export interface Consumer extends AsyncDisposable {
  /** Rejects when the loop dies, as when the durable was deleted. Resolves after disposal. */
  readonly done: Promise<void>;
}

const PULL_EXPIRES_MS = 5_000;
const DRAIN_TIMEOUT_MS = 2_000;

/**
 * Runs a durable consumer: pulls, and hands each message to its handler within the concurrency.
 * Disposal stops pulling, lets running handlers end, and gives the rest back at once.
 */
export async function startConsumer<Event extends object>(
  deps: ConsumerDeps,
  spec: ConsumerSpec<Event>,
): Promise<Consumer> {
  const { stream } = spec.event;
  const consumer = await jetstream(deps.bus.connection).consumers.get(stream, spec.durable);
  const messages = await consumer.consume({
    max_messages: spec.concurrency,
    expires: PULL_EXPIRES_MS,
    abort_on_missing_resource: true,
  });
  const loop = createLoop(deps, spec);
  const done = loop.run(messages);
  // A rejection before anybody listens must not end the process without its log line.
  done.catch(() => {});
  return {
    done,
    async [Symbol.asyncDispose]() {
      loop.stop();
      await giveBack(messages);
      await done.catch(() => {});
      // After a loop that died, handlers may still be at work.
      await loop.idle();
    },
  };
}

/**
 * Tells the server to send no more and hands out what it had sent, so that the loop gives it back.
 * The client's `stop` would drop what is still on the wire, which then waited for the ack wait: 45 s
 * for a webhook after every deployment. Draining a subscription does it right, as the client itself
 * does when the whole connection drains, but it shows the subscription of a consumer to nobody.
 */
async function giveBack(messages: ConsumerMessages): Promise<void> {
  const subscription: unknown = Reflect.get(messages, "sub");
  if (isDrainable(subscription)) {
    const drained = subscription.drain().catch(() => {});
    // Without a server the drain waits for one.
    await Promise.race([drained, pause(DRAIN_TIMEOUT_MS, undefined, { ref: false })]);
  }
  messages.stop();
}

function isDrainable(value: unknown): value is { drain(): Promise<void> } {
  return typeof value === "object" && value !== null && "drain" in value;
}

function createLoop<Event extends object>(deps: ConsumerDeps, spec: ConsumerSpec<Event>) {
  const running = new Set<Promise<void>>();
  const settle = createSettler(deps, spec, () => stopping);
  let stopping = false;
  // The loop alone waits for it. A `Promise.race` over all that runs would leave a reaction behind
  // on every slow one, for every message.
  let changed: (() => void) | undefined;
  const mustWait = () => !stopping && running.size >= spec.concurrency;

  function start(message: JsMsg): void {
    const work = settle(message)
      .catch((error: unknown) => {
        // Only a connection that is closed for good refuses an answer; the message comes back.
        deps.log.error({ durable: spec.durable, err: error }, "message.answer_failed");
      })
      .finally(() => {
        running.delete(work);
        changed?.();
      });
    running.add(work);
  }

  async function run(messages: ConsumerMessages): Promise<void> {
    for await (const message of messages) {
      while (mustWait()) {
        await new Promise<void>((resolve) => {
          changed = resolve;
        });
      }
      // Asked after the wait: what waited when we were told to stop goes back unstarted.
      if (stopping) message.nak();
      else start(message);
    }
    await idle();
  }

  async function idle(): Promise<void> {
    await Promise.allSettled(running);
  }

  return {
    run,
    idle,
    stop: () => {
      stopping = true;
      changed?.();
    },
  };
}
