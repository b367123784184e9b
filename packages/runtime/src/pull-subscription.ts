import { jetstreamManager } from "@nats-io/jetstream";
import { createInbox, type NatsConnection, nanos } from "@nats-io/transport-node";

import { isFromConsumer, PulledMessage } from "./pulled-message.ts";

export interface PullSubscriptionOptions {
  readonly connection: NatsConnection;
  readonly stream: string;
  readonly durable: string;
  /** Where this service may listen for answers. */
  readonly inboxPrefix: string;
  /** Called for each message, in the order of their arrival. */
  readonly onMessage: (message: PulledMessage) => void;
}

export interface PullSubscription {
  /** Asks the server for as many more as make `room` messages under way to us. */
  fill(room: number): void;
  /** What is asked for and neither here nor refused. */
  outstanding(): number;
  /** Asks for no more. Resolves when everything the server had sent has been handed out. */
  drain(): Promise<void>;
  /** Rejects when the durable or its stream is gone. Resolves once drained. */
  readonly done: Promise<void>;
}

/** A request that finds nothing ends after this and is made anew. */
const EXPIRES_MS = 10_000;
/** How often the server says that a request still waits. */
const HEARTBEAT_MS = 2_500;
/** Two missed: the request is lost, as after a restart of the server. */
const SILENCE_MAX_MS = 2 * HEARTBEAT_MS + 500;
/** How soon a lost request is looked after. */
const WATCH_MS = 500;
const DRAIN_TIMEOUT_MS = 2_000;
const PENDING_HEADER = "Nats-Pending-Messages";
const CONSUMER_GONE = /(consumer|stream) (deleted|not found)/i;

/**
 * Pulls from a durable only what there is room for. The client's own `consume` asks for a fixed
 * number, buffers what does not fit (where it burns its ack wait), asks again at every missed
 * heartbeat, and shows its subscription to nobody, so that a stop loses what is on the wire.
 */
export function startPullSubscription(options: PullSubscriptionOptions): PullSubscription {
  const { connection } = options;
  const ended = Promise.withResolvers<void>();
  ended.promise.catch(() => {});
  const inbox = createInbox(options.inboxPrefix);
  const requests = createRequests(options, inbox);
  const watch = watchRequests(options, requests, fail);

  const subscription = connection.subscribe(inbox, {
    callback: (_error, message) => {
      if (isFromConsumer(message)) {
        requests.received();
        options.onMessage(new PulledMessage(message));
        return;
      }
      const { code = 0, description = "" } = message.headers ?? {};
      if (code === 400 || CONSUMER_GONE.test(description)) fail(new Error(description));
      else requests.onStatus(code, message.headers?.get(PENDING_HEADER) ?? "");
      if (requests.areLost()) watch.soon();
    },
  });

  function fail(error: Error): void {
    finish();
    subscription.unsubscribe();
    ended.reject(error);
  }

  function finish(): void {
    requests.stop();
    watch.stop();
  }

  return {
    fill: (room) => requests.fill(room),
    outstanding: () => requests.outstanding(),
    async drain() {
      finish();
      // Without a server the drain waits for one.
      const timeout = new Promise((resolve) => setTimeout(resolve, DRAIN_TIMEOUT_MS).unref());
      await Promise.race([subscription.drain().catch(() => {}), timeout]);
      ended.resolve();
    },
    done: ended.promise,
  };
}

type Requests = ReturnType<typeof createRequests>;

/**
 * Requests may overlap. What they still owe us is one number: raised by each request, lowered by
 * each message and by what the server says it will not send.
 */
function createRequests({ connection, stream, durable }: PullSubscriptionOptions, inbox: string) {
  const nextSubject = `$JS.API.CONSUMER.MSG.NEXT.${stream}.${durable}`;
  let outstanding = 0;
  let room = 0;
  let stopped = false;
  let lastSignMs = performance.now();

  function request(): void {
    const batch = room - outstanding;
    if (stopped || batch <= 0 || connection.isClosed()) return;
    if (outstanding === 0) lastSignMs = performance.now();
    outstanding += batch;
    const pull = { batch, expires: nanos(EXPIRES_MS), idle_heartbeat: nanos(HEARTBEAT_MS) };
    connection.publish(nextSubject, JSON.stringify(pull), { reply: inbox });
  }

  return {
    outstanding: () => outstanding,
    fill(wanted: number): void {
      room = wanted;
      request();
    },
    received(): void {
      lastSignMs = performance.now();
      outstanding = Math.max(0, outstanding - 1);
      room -= 1;
    },
    onStatus(code: number, unsent: string): void {
      lastSignMs = performance.now();
      if (code === 100) return; // the request still waits
      outstanding = unsent === "" ? 0 : Math.max(0, outstanding - Number(unsent));
      // 408: nothing came in time, ask again. Anything else is a server in trouble, or one that does
      // not know the durable (503): the watch looks after it, without a storm of requests.
      if (code === 408 || code === 404) request();
    },
    /** The server forgot them, as it does when the connection breaks. */
    forget(): void {
      lastSignMs = Number.NEGATIVE_INFINITY;
    },
    /** Something is wanted, and the server neither sends it nor says that the request waits. */
    areLost(): boolean {
      const isSilent = outstanding > 0 && performance.now() - lastSignMs > SILENCE_MAX_MS;
      return !stopped && (isSilent || (outstanding === 0 && room > 0));
    },
    /** They cannot be lost unnoticed before this much time has passed. */
    trustedMs(): number {
      if (outstanding === 0) return SILENCE_MAX_MS;
      return Math.max(WATCH_MS, lastSignMs + SILENCE_MAX_MS - performance.now());
    },
    repeat(): void {
      outstanding = 0;
      request();
    },
    stop(): void {
      stopped = true;
    },
  };
}

/**
 * Lost requests are made anew, after a look whether the durable is still there. It looks when a sign
 * of the server is overdue and when something went wrong, so that an idle process sleeps.
 */
function watchRequests(
  { connection, stream, durable }: PullSubscriptionOptions,
  requests: Requests,
  onGone: (error: Error) => void,
) {
  let timer: NodeJS.Timeout | undefined;
  let isLooking = false;
  let isStopped = false;

  function lookIn(afterMs: number): void {
    clearTimeout(timer);
    if (!isStopped) timer = setTimeout(() => void look(), afterMs).unref();
  }

  async function look(): Promise<void> {
    isLooking = true;
    if (requests.areLost()) await repeat();
    isLooking = false;
    lookIn(requests.areLost() ? WATCH_MS : requests.trustedMs());
  }

  async function repeat(): Promise<void> {
    try {
      const manager = await jetstreamManager(connection, { checkAPI: false });
      await manager.consumers.info(stream, durable);
      requests.repeat();
    } catch (error) {
      // Anything else: no server, or one that starts. It is asked again.
      if (error instanceof Error && CONSUMER_GONE.test(error.message)) onGone(error);
    }
  }

  function soon(): void {
    if (!isLooking) lookIn(WATCH_MS);
  }

  async function watchConnection(): Promise<void> {
    for await (const { type } of connection.status()) {
      if (type !== "reconnect") continue;
      requests.forget();
      soon();
    }
  }

  void watchConnection();
  lookIn(SILENCE_MAX_MS);
  return {
    /** Something went wrong. */
    soon,
    stop(): void {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}
