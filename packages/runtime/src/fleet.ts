import { randomUUID } from "node:crypto";

import { jetstreamManager } from "@nats-io/jetstream";
import { Worker, type QueueStats } from "@valify/contracts/api";

import type { Bus } from "./bus.ts";
import type { Logger } from "./logger.ts";
import { DURABLES } from "./topology.ts";
import { version } from "./version.ts";

/** Core NATS, not JetStream: who is not there now has nothing to say later. */
const SUBJECT = "valify.presence";
/** Long enough for a process that is busy with a batch; short for whoever looks at a page. */
const ANSWER_WAIT_MS = 300;
const WORKERS_MAX = 1_000;

/** Answers whoever asks which processes there are, until disposed. */
export function answerPresence(bus: Bus, service: string): Disposable {
  const workerId = randomUUID();
  const startedAt = new Date(Date.now() - process.uptime() * 1_000).toISOString();
  const subscription = bus.connection.subscribe(SUBJECT, {
    callback(error, message) {
      if (error !== null) return;
      const worker: Worker = {
        service,
        worker_id: workerId,
        version,
        started_at: startedAt,
        rss_bytes: process.memoryUsage.rss(),
      };
      message.respond(JSON.stringify(worker));
    },
  });
  return { [Symbol.dispose]: () => subscription.unsubscribe() };
}

/** Every process that answers within a moment. Rejects while the broker is away. */
export async function findWorkers(bus: Bus): Promise<readonly Worker[]> {
  const answers = await bus.connection.requestMany(SUBJECT, "", {
    strategy: "timer",
    maxWait: ANSWER_WAIT_MS,
  });
  const workers: Worker[] = [];
  for await (const answer of answers) {
    const worker = Worker.safeParse(answer.json());
    if (worker.success && workers.push(worker.data) >= WORKERS_MAX) break;
  }
  return workers.toSorted((a, b) => a.service.localeCompare(b.service));
}

/** What waits for each durable. One that is missing is left out. Rejects while the broker is away. */
export async function readQueues(bus: Bus, log: Logger): Promise<readonly QueueStats[]> {
  const manager = await jetstreamManager(bus.connection, { checkAPI: false });
  const queues = await Promise.all(
    DURABLES.map(async ({ stream, durable }): Promise<readonly QueueStats[]> => {
      try {
        const info = await manager.consumers.info(stream, durable);
        return [
          {
            service: serviceOf(durable),
            stream,
            consumer: durable,
            pending: info.num_pending,
            ack_pending: info.num_ack_pending,
            redelivered: info.num_redelivered,
            waiting_pulls: info.num_waiting,
          },
        ];
      } catch (error) {
        log.warn({ durable, err: error }, "queue.not_readable");
        return [];
      }
    }),
  );
  return queues.flat();
}

/** A durable begins with its service's name. */
function serviceOf(durable: string): string {
  const [name = durable] = durable.split("-");
  return name === "dispatcher" ? "webhook-dispatcher" : name;
}
