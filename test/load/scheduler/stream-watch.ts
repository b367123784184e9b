import { DeliverPolicy, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";

/** One `webhook.due` as the stream has it. */
export interface Emitted {
  readonly id: string;
  readonly tenantId: string;
  /** When the stream took it less when it was due, by the clock of this machine; milliseconds. */
  readonly lateMs: number;
  readonly dueMs: number;
  readonly storedMs: number;
}

interface Body {
  readonly id: string;
  readonly tenant_id: string;
  readonly due_at: string;
}

export interface StreamWatch extends AsyncDisposable {
  /** Messages of the stream so far. */
  count(): Promise<number>;
  /** Every event stored from this place on. Read after a measurement, not during it. */
  read(fromSeq: number): Promise<readonly Emitted[]>;
}

export async function watchStream(natsUrl: string): Promise<StreamWatch> {
  const nats = await connect({ servers: natsUrl, noAsyncTraces: true });
  const manager = await jetstreamManager(nats);

  async function count(): Promise<number> {
    return (await manager.streams.info("WEBHOOKS")).state.last_seq;
  }

  return {
    count,
    async read(fromSeq) {
      const last = await count();
      const events: Emitted[] = [];
      if (last < fromSeq) return events;
      const consumer = await jetstream(nats).consumers.get("WEBHOOKS", {
        filter_subjects: "webhook.due",
        deliver_policy: DeliverPolicy.StartSequence,
        opt_start_seq: fromSeq,
      });
      const messages = await consumer.consume({ max_messages: 5_000 });
      for await (const message of messages) {
        const body = message.json<Body>();
        const dueMs = Date.parse(body.due_at);
        const storedMs = message.info.timestampNanos / 1e6;
        const { id, tenant_id: tenantId } = body;
        events.push({ id, tenantId, dueMs, storedMs, lateMs: storedMs - dueMs });
        // The last place of the stream may hold something else.
        if (message.seq >= last || message.info.pending === 0) break;
      }
      return events;
    },
    [Symbol.asyncDispose]: () => nats.close(),
  };
}
