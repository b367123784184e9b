import type { EventContract } from "@valify/contracts";

import type { Bus } from "./bus.ts";
import { PermanentError } from "./errors.ts";
import type { Logger } from "./logger.ts";
import { type Metrics, OPERATION_BUCKETS } from "./metrics.ts";
import type { PulledMessage } from "./pulled-message.ts";
import { DELIVERIES_MAX } from "./topology.ts";
import { parseTraceparent } from "./trace-context.ts";

/** Not a failure: somebody else is at it, come back in a while. Nothing else is a value. */
export interface Later {
  readonly kind: "later";
  readonly delayMs: number;
}

export interface ConsumerSpec<Event extends object> {
  readonly durable: string;
  readonly event: EventContract<Event>;
  /** Messages in this process at the same time; a function where that changes while it runs. */
  readonly concurrency: number | (() => number);
  /**
   * Returns = ack; {@link PermanentError} = dead letter and term; any other error = nak. Redelivered:
   * somebody may have begun, or finished, the work on this message before.
   */
  readonly handle: (event: Event, isRedelivered: boolean) => Promise<Later | undefined | void>;
  /** For work longer than the durable's ack wait: tells the server this often that we are alive. */
  readonly heartbeatMs?: number;
  /** After the dead letter is stored and before `term`, so that the owner can record the failure. */
  readonly onDeadLetter?: (event: Event, error: unknown) => Promise<void>;
}

export interface ConsumerDeps {
  readonly bus: Bus;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** False while a dependency of ours is away: then messages are held, not spent. */
  readonly isReady: () => Promise<boolean>;
}

const NAK_DELAY_FIRST_MS = 250;
const NAK_DELAY_MAX_MS = 5_000;
const READY_POLL_MS = 500;
const HOLD_HEARTBEAT_MS = 5_000;

/**
 * Answers every message exactly once: ack, term or nak. This is the only place that does; no
 * handler touches a message. What it returns never rejects. A message that goes well takes one
 * promise here, beside its handler's.
 */
export function createSettler<Event extends object>(
  deps: ConsumerDeps,
  spec: ConsumerSpec<Event>,
  isStopping: () => boolean,
) {
  const { answer, answerFailure } = createAnswers(deps, spec);
  const holdAndRepeat = createHold(deps, spec, isStopping);

  /** Once more while the fault is ours, until the message is handled or the fault is its own. */
  async function recover(
    message: PulledMessage,
    event: Event | undefined,
    error: unknown,
    startedMs: number,
  ): Promise<void> {
    let later: Later | undefined | void;
    try {
      if (event === undefined) throw error;
      later = await holdAndRepeat(message, event, error);
    } catch (failure) {
      await answerFailure(message, event, failure, startedMs);
      return;
    }
    answer(message, later, startedMs);
  }

  return async function settle(message: PulledMessage): Promise<void> {
    const startedMs = performance.now();
    const heartbeat = startHeartbeat(message, spec.heartbeatMs);
    let event: Event | undefined;
    let later: Later | undefined | void;
    try {
      try {
        event = decode(message, spec.event);
        later = await spec.handle(event, message.deliveryCount > 1);
      } catch (error) {
        await recover(message, event, error, startedMs);
        return;
      }
      answer(message, later, startedMs);
    } catch (error) {
      // Only a connection that is closed for good refuses an answer; the message comes back.
      deps.log.error({ durable: spec.durable, err: error }, "message.answer_failed");
    } finally {
      clearInterval(heartbeat);
    }
  };
}

function createAnswers<Event extends object>(deps: ConsumerDeps, spec: ConsumerSpec<Event>) {
  const { log } = deps;
  const { durable } = spec;
  const observe = messageMetrics(deps.metrics, durable);

  function answer(message: PulledMessage, later: Later | undefined | void, startedMs: number) {
    if (later === undefined) message.ack();
    else message.nak(later.delayMs);
    // Not at info: at thousands a second the log would cost more than the work.
    if (log.isLevelEnabled("debug")) {
      log.debug(fieldsOf(message), later === undefined ? "message.handled" : "message.postponed");
    }
    observe(later === undefined ? "handled" : "postponed", startedMs);
  }

  async function answerFailure(
    message: PulledMessage,
    event: Event | undefined,
    error: unknown,
    startedMs: number,
  ): Promise<void> {
    const attempt = message.deliveryCount;
    const traced = () => ({ ...fieldsOf(message), trace_id: traceOf(message) });
    const code = deadLetterCode(error, attempt);
    if (code !== undefined && (await bury(deps, spec, message, event, error, code))) {
      message.term(code);
      log.error({ ...traced(), code, err: error }, "message.terminated");
      observe("terminated", startedMs);
      return;
    }
    message.nak(nakDelayMs(attempt, Math.random()));
    log.warn({ ...traced(), err: error }, "message.redelivery_requested");
    observe("redelivered", startedMs);
  }

  function fieldsOf({ seq, deliveryCount: attempt }: PulledMessage) {
    return { durable, seq, attempt };
  }

  return { answer, answerFailure };
}

/** Our own fault costs no delivery: the message waits here, alive, until the fault is gone. */
function createHold<Event extends object>(
  { log, isReady }: ConsumerDeps,
  { handle }: ConsumerSpec<Event>,
  isStopping: () => boolean,
) {
  return async function holdAndRepeat(message: PulledMessage, event: Event, first: unknown) {
    let error = first;
    for (;;) {
      if (error instanceof PermanentError || isStopping() || (await isReady())) throw error;
      log.warn({ subject: message.subject, err: error }, "message.held");
      const heartbeat = startHeartbeat(message, HOLD_HEARTBEAT_MS);
      while (!isStopping() && !(await isReady())) await pause(READY_POLL_MS);
      clearInterval(heartbeat);
      try {
        return await handle(event, true);
      } catch (again) {
        error = again;
      }
    }
  };
}

/** `term` is for ever, so the dead letter is stored first; if it cannot be, the message returns. */
async function bury<Event extends object>(
  { bus, log }: ConsumerDeps,
  spec: ConsumerSpec<Event>,
  message: PulledMessage,
  event: Event | undefined,
  error: unknown,
  code: string,
): Promise<boolean> {
  try {
    await bus.publishMessage(deadLetterOf(message, spec.durable, code));
    if (event !== undefined) await spec.onDeadLetter?.(event, error);
    return true;
  } catch (failure) {
    log.error({ durable: spec.durable, err: failure }, "message.dead_letter_failed");
    return false;
  }
}

function startHeartbeat(message: PulledMessage, intervalMs: number | undefined) {
  return intervalMs === undefined ? undefined : setInterval(() => message.working(), intervalMs);
}

/** Read only where something went wrong: at thousands a second, headers cost. */
function traceOf(message: PulledMessage): string | undefined {
  return parseTraceparent(message.header("traceparent"))?.traceId;
}

function decode<Event extends object>(
  message: PulledMessage,
  contract: EventContract<Event>,
): Event {
  try {
    return contract.schema.parse(message.json());
  } catch {
    // The parser's words quote the value; a lead's name must not reach the log.
    throw new PermanentError(`not a ${contract.subject} event`, { code: "EVENT_MALFORMED" });
  }
}

function deadLetterCode(error: unknown, attempt: number): string | undefined {
  if (error instanceof PermanentError) return error.code;
  return attempt >= DELIVERIES_MAX - 1 ? "DELIVERIES_EXHAUSTED" : undefined;
}

function deadLetterOf(message: PulledMessage, durable: string, code: string) {
  const { stream } = message;
  return {
    subject: `dlq.${message.subject}`,
    messageId: `${stream}:${durable}:${message.seq}`,
    headers: {
      "valify-stream": stream,
      "valify-consumer": durable,
      "valify-sequence": String(message.seq),
      "valify-deliveries": String(message.deliveryCount),
      "valify-reason": code,
    },
    payload: message.data,
  };
}

/** Doubles from 250 ms to 5 s, with up to a quarter more, so that a herd spreads. */
export function nakDelayMs(attempt: number, random: number): number {
  const delayMs = Math.min(NAK_DELAY_MAX_MS, NAK_DELAY_FIRST_MS * 2 ** (attempt - 1));
  return Math.round(delayMs * (1 + random / 4));
}

type MessageMetrics = ReturnType<typeof createMessageMetrics>;

/** A registry takes a name once, and a service may run several consumers on it. */
const metricsOf = new WeakMap<Metrics, MessageMetrics>();

function messageMetrics(metrics: Metrics, durable: string) {
  const { count, duration } = metricsOf.get(metrics) ?? createMessageMetrics(metrics);
  // Looked up once: at thousands a second, matching labels costs more than counting.
  const seconds = duration.labels({ consumer: durable });
  const counts = {
    handled: count.labels({ consumer: durable, outcome: "handled" }),
    postponed: count.labels({ consumer: durable, outcome: "postponed" }),
    terminated: count.labels({ consumer: durable, outcome: "terminated" }),
    redelivered: count.labels({ consumer: durable, outcome: "redelivered" }),
  };
  // Shown from the start: of a counter that is not there, no alert can say that it stands still.
  for (const one of Object.values(counts)) one.inc(0);
  return (outcome: keyof typeof counts, startedMs: number) => {
    counts[outcome].inc();
    seconds.observe((performance.now() - startedMs) / 1000);
  };
}

function createMessageMetrics(metrics: Metrics) {
  const created = {
    count: metrics.counter(
      "messaging_client_consumed_messages_total",
      "Messages answered, by how",
      ["consumer", "outcome"],
    ),
    duration: metrics.histogram(
      "messaging_process_duration_seconds",
      "From a message's arrival to its answer",
      ["consumer"],
      OPERATION_BUCKETS,
    ),
  };
  metricsOf.set(metrics, created);
  return created;
}

function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, durationMs);
  });
}
