import {
  AckPolicy,
  type ConsumerConfig,
  DiscardPolicy,
  type JetStreamManager,
  RetentionPolicy,
  StorageType,
  StoreCompression,
  type StreamConfig,
} from "@nats-io/jetstream";
import { nanos } from "@nats-io/transport-node";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const MIB = 1_048_576;
const GIB = 1_024 * MIB;

interface StreamSpec {
  readonly name: string;
  readonly subjects: readonly string[];
  readonly ageMaxMs: number;
  readonly bytesMax: number;
  readonly dedupeWindowMs: number;
  readonly discard?: DiscardPolicy;
  readonly compression?: StoreCompression;
}

/** Within it a wake-up that is published again is dropped. The dispatcher relies on it. */
export const WEBHOOKS_DEDUPE_WINDOW_MS = 5 * MINUTE_MS;
/** 15 s for the customer's answer, and what comes before and after it. */
export const DISPATCHER_ACK_WAIT_MS = 45_000;

/**
 * LIMITS retention: work-queue and interest streams forget the ids of acked messages at a restart,
 * so a repeated publish would be stored again. Discard NEW: a full stream makes publishers wait;
 * OLD would drop events nobody has read. See docs/adr/0005-limits-retention.md.
 */
const STREAMS: readonly StreamSpec[] = [
  {
    name: "BATCH",
    subjects: [
      "batch.uploaded",
      "batch.completed",
      "batch.failed",
      "batch.cancelled",
      "erasure.requested",
      "erasure.cleared",
    ],
    ageMaxMs: 14 * DAY_MS,
    bytesMax: GIB,
    dedupeWindowMs: HOUR_MS,
  },
  {
    name: "LEADS",
    subjects: ["lead.validated", "lead.erased"],
    // Personal data: this is a retention period.
    ageMaxMs: 7 * DAY_MS,
    bytesMax: 4 * GIB,
    dedupeWindowMs: 5 * MINUTE_MS,
    compression: StoreCompression.S2,
  },
  {
    name: "WEBHOOKS",
    subjects: [
      "webhook.due",
      "webhook.retry",
      "webhook.delivered",
      "webhook.exhausted",
      "webhook.test",
      "webhook.cancel",
      "endpoint.disabled",
    ],
    // Must exceed the longest outage of the dispatcher: unsent work waits in here.
    ageMaxMs: 3 * DAY_MS,
    bytesMax: 5 * GIB,
    dedupeWindowMs: WEBHOOKS_DEDUPE_WINDOW_MS,
  },
  {
    name: "DLQ",
    subjects: ["dlq.>"],
    ageMaxMs: 30 * DAY_MS,
    bytesMax: GIB,
    dedupeWindowMs: DAY_MS,
  },
  {
    name: "ADVISORIES",
    subjects: [
      "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>",
      "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.>",
    ],
    ageMaxMs: 30 * DAY_MS,
    bytesMax: 256 * MIB,
    dedupeWindowMs: 2 * MINUTE_MS,
    // Its publisher is the server, which cannot wait and try again.
    discard: DiscardPolicy.Old,
  },
];

export const STREAM_NAMES = STREAMS.map(({ name }) => name);

interface DurableSpec {
  readonly stream: string;
  readonly durable: string;
  readonly subject: string;
  /** A crashed consumer's messages come back after this; longer handlers send `working()`. */
  readonly ackWaitMs: number;
  readonly ackPendingMax: number;
}

export const DURABLES: readonly DurableSpec[] = [
  durable("BATCH", "validator", "batch.uploaded", 15_000, 32),
  durable("BATCH", "validator-cancelled", "batch.cancelled", 15_000, 100),
  durable("BATCH", "ingest-completed", "batch.completed", 15_000, 100),
  durable("BATCH", "ingest-failed", "batch.failed", 15_000, 100),
  durable("BATCH", "ingest-notify-failed", "batch.failed", 30_000, 100),
  durable("BATCH", "scheduler-cancelled", "batch.cancelled", 15_000, 100),
  durable("BATCH", "dispatcher-cancelled", "batch.cancelled", 15_000, 100),
  // Longer than a slow page of a stream: the validator says that it is alive in between.
  durable("BATCH", "validator-erasure", "erasure.requested", 30_000, 10),
  durable("BATCH", "scheduler-erasure", "erasure.requested", 15_000, 10),
  durable("BATCH", "dispatcher-erasure", "erasure.requested", 15_000, 10),
  durable("BATCH", "ingest-erasure", "erasure.cleared", 30_000, 10),
  durable("LEADS", "scheduler", "lead.validated", 15_000, 20_000),
  durable("WEBHOOKS", "scheduler-retry", "webhook.retry", 15_000, 20_000),
  durable("WEBHOOKS", "ingest-notify-disabled", "endpoint.disabled", 30_000, 100),
  // Four processes may read a herd's length ahead each.
  durable("WEBHOOKS", "dispatcher", "webhook.due", DISPATCHER_ACK_WAIT_MS, 42_000),
  // Of its own, so that a test never waits behind ten thousand leads.
  durable("WEBHOOKS", "dispatcher-test", "webhook.test", 45_000, 100),
  durable("WEBHOOKS", "dispatcher-cancel", "webhook.cancel", 15_000, 100),
];

/**
 * Deliveries before a message becomes a dead letter. While a dependency of ours is away the consumer
 * holds its messages, but those still waiting behind them come back after each ack wait: at 15 s, a
 * hundred last through an outage of 25 minutes.
 */
export const DELIVERIES_MAX = 100;
const MESSAGE_BYTES_MAX = 256 * 1_024;

function durable(
  stream: string,
  name: string,
  subject: string,
  ackWaitMs: number,
  ackPendingMax: number,
): DurableSpec {
  return { stream, durable: name, subject, ackWaitMs, ackPendingMax };
}

/**
 * Creates or updates every stream and durable consumer. Run by the migrate job alone; services
 * only look them up. `replicas` is 3 on a cluster. Throws when the server did not take a setting.
 */
export async function applyTopology(manager: JetStreamManager, replicas: number): Promise<void> {
  for (const spec of STREAMS) {
    const wanted = streamConfig(spec, replicas);
    const exists = await manager.streams.info(spec.name).then(
      () => true,
      () => false,
    );
    const info = exists
      ? await manager.streams.update(spec.name, wanted)
      : await manager.streams.add(wanted);
    requireEcho(`stream ${spec.name}`, wanted, info.config);
  }
  for (const spec of DURABLES) {
    const wanted = consumerConfig(spec);
    const exists = await manager.consumers.info(spec.stream, spec.durable).then(
      () => true,
      () => false,
    );
    const info = exists
      ? await manager.consumers.update(spec.stream, spec.durable, wanted)
      : await manager.consumers.add(spec.stream, wanted);
    requireEcho(`consumer ${spec.durable}`, wanted, info.config);
  }
}

function streamConfig(spec: StreamSpec, replicas: number) {
  return {
    name: spec.name,
    subjects: [...spec.subjects],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: spec.discard ?? DiscardPolicy.New,
    max_age: nanos(spec.ageMaxMs),
    max_bytes: spec.bytesMax,
    max_msg_size: MESSAGE_BYTES_MAX,
    duplicate_window: nanos(spec.dedupeWindowMs),
    compression: spec.compression ?? StoreCompression.None,
    allow_direct: true,
    num_replicas: replicas,
  } satisfies Partial<StreamConfig> & { name: string };
}

function consumerConfig(spec: DurableSpec) {
  return {
    durable_name: spec.durable,
    filter_subject: spec.subject,
    ack_policy: AckPolicy.Explicit,
    ack_wait: nanos(spec.ackWaitMs),
    max_deliver: DELIVERIES_MAX,
    max_ack_pending: spec.ackPendingMax,
  } satisfies Partial<ConsumerConfig>;
}

/** An old server accepts a setting, drops it and says nothing. */
function requireEcho(what: string, wanted: object, got: object): void {
  const echoed = new Map(Object.entries(got));
  for (const [name, value] of Object.entries(wanted)) {
    if (JSON.stringify(echoed.get(name)) !== JSON.stringify(value)) {
      throw new Error(`the NATS server did not take ${name} of ${what}`);
    }
  }
}
