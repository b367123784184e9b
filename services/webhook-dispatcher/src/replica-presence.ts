import { randomUUID } from "node:crypto";

import type { Database } from "@valify/database";
import { type Logger, type Metrics, startPeriodic } from "@valify/runtime";
import type { Kysely } from "kysely";

import { type Replicas, shareOf } from "./domain/replica-share.ts";
import { BEAT_MS, forgetReplica, noteReplica } from "./replica-queries.ts";

export interface ReplicaPresenceDeps {
  /** Need not wait for the disk: a row that is lost is written again. */
  readonly db: Kysely<Database>;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/** What a replica may take of what all share. Dispose it once nothing more is sent. */
export interface ReplicaPresence extends AsyncDisposable {
  /** By the last beat that was heard: costs no statement, and outlasts a database that is away. */
  readonly shareOf: (limit: number) => number;
}

/** Is there for the other dispatchers to see until disposed, and counts them. */
export async function joinReplicas(deps: ReplicaPresenceDeps): Promise<ReplicaPresence> {
  const { db, metrics, log } = deps;
  const replica = createReplica(db, randomUUID());
  metrics.reading(
    "valify_webhook_dispatchers",
    "Dispatchers among whom the limits of endpoints are divided; 0 while this one only joins them",
    () => replica.seen()?.live ?? 0,
  );
  const event = "replicas.not_counted";
  await replica.join().catch((err: unknown) => log.warn({ err }, event));
  const beats = startPeriodic(() => replica.beat(), { intervalMs: BEAT_MS, event, log });
  return {
    shareOf: (limit) => shareOf(limit, replica.seen()),
    async [Symbol.asyncDispose]() {
      await beats[Symbol.asyncDispose]();
      await replica.leave().catch((err: unknown) => log.warn({ err }, "replica.not_forgotten"));
    },
  };
}

/** One beat at a time: for the rhythm above, and for tests that do not wait for it. */
export function createReplica(db: Kysely<Database>, replicaId: string) {
  let replicas: Replicas | null = null;
  return {
    /** Null: the others have not made room yet. */
    seen: () => replicas,
    /**
     * Counts after it can be counted, so that of two who come at once one sees the other. Who is alone
     * takes all; who is not waits a beat, in which the others see that they are one more.
     */
    async join(): Promise<void> {
      await noteReplica(db, replicaId);
      const sighting = await noteReplica(db, replicaId);
      if (sighting.live === 1) replicas = sighting;
    },
    /**
     * Who was absent does not believe what it sees: after an outage of the database the first to be back
     * would find nobody else. What it knew holds for one more beat.
     */
    async beat(): Promise<void> {
      const sighting = await noteReplica(db, replicaId);
      if (sighting.wasSeen) replicas = sighting;
    },
    leave: () => forgetReplica(db, replicaId),
  };
}
