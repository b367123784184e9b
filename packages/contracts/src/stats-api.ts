import { z } from "zod";

import { Instant } from "./ids.ts";

/** Why no upload is taken. */
export const AdmissionReason = z.enum(["memory", "database", "broker"]);
export type AdmissionReason = z.infer<typeof AdmissionReason>;

export const AdmissionView = z
  .object({
    open: z.boolean(),
    reasons: z.array(AdmissionReason),
    /** Since when it is open, or closed. */
    since: Instant,
    /** Shares of the memory limit. */
    closes_at: z.number(),
    reopens_at: z.number(),
  })
  .meta({ id: "AdmissionView" });
export type AdmissionView = z.infer<typeof AdmissionView>;

/** `GET /memory_stats`: of the process that answers. */
export const MemoryStats = z
  .object({
    /** `cgroup`: the container's working set; `process`: what this process holds. */
    source: z.enum(["cgroup", "process"]),
    used_bytes: z.int(),
    limit_bytes: z.int(),
    utilization: z.number(),
    rss_bytes: z.int(),
    heap_used_bytes: z.int(),
    external_bytes: z.int(),
    admission: AdmissionView,
  })
  .meta({ id: "MemoryStats" });
export type MemoryStats = z.infer<typeof MemoryStats>;

export const Worker = z
  .object({
    service: z.string(),
    /** Of one process; it changes at a restart. */
    worker_id: z.string(),
    version: z.string(),
    started_at: Instant,
    rss_bytes: z.int(),
  })
  .meta({ id: "Worker" });
export type Worker = z.infer<typeof Worker>;

export const QueueStats = z
  .object({
    service: z.string(),
    stream: z.string(),
    consumer: z.string(),
    /** Not handed out yet. */
    pending: z.int(),
    /** Handed out, not answered yet. */
    ack_pending: z.int(),
    /** Of those, handed out more than once. */
    redelivered: z.int(),
    /** Pulls of workers that wait for work. */
    waiting_pulls: z.int(),
  })
  .meta({ id: "QueueStats" });
export type QueueStats = z.infer<typeof QueueStats>;

/** `GET /worker_stats`: of the whole installation. */
export const WorkerStats = z
  .object({
    admission: AdmissionView,
    /** Every process that answered within a moment; empty while the broker is away. */
    workers: z.array(Worker),
    queues: z.array(QueueStats),
    validation: z.object({
      waiting: z.int(),
      at_work: z.int(),
      oldest_waiting_seconds: z.number().nullable(),
    }),
    outbox: z.object({ unpublished: z.int(), oldest_seconds: z.number().nullable() }),
  })
  .meta({ id: "WorkerStats" });
export type WorkerStats = z.infer<typeof WorkerStats>;
