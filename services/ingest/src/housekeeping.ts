import type { Database } from "@valify/database";
import type { JobRun, Metrics, ObjectStore, PeriodicJob } from "@valify/runtime";
import type { Kysely } from "kysely";

import { deleteExpiredSessions } from "./access-queries.ts";
import { deleteOldCreations } from "./endpoint-creation-queries.ts";
import {
  deleteEndedReplays,
  findBatches,
  findExpiredUploads,
  findUploadsOfErased,
  markUploadsDeleted,
} from "./housekeeping-queries.ts";
import { deleteOldNotifications } from "./notification-queries.ts";
import { ATTEMPTS_WINDOW_MS } from "./sign-in-limit.ts";
import { deleteOldAttempts } from "./sign-in-queries.ts";
import { asSystem } from "./tenant-scope.ts";
import { usageJob } from "./usage-job.ts";

export interface HousekeepingDeps {
  readonly db: Kysely<Database>;
  readonly store: ObjectStore;
  readonly metrics: Metrics;
  /** How long an uploaded file is kept once its validation has ended. */
  readonly uploadRetentionMs: number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** An upload takes seconds from its object to its row; a day leaves room for any clock. */
const ORPHAN_AFTER_MS = 24 * HOUR_MS;
/** Their wake-ups may still wait in a stream or at an endpoint that is held for weeks. */
const REPLAY_RETENTION_MS = 90 * 24 * HOUR_MS;
/** Longer than any stream keeps an event that could come again. */
const NOTIFICATION_RETENTION_MS = 30 * 24 * HOUR_MS;
/** From then on an Idempotency-Key begins anew. */
const CREATION_RETENTION_MS = 24 * HOUR_MS;
/** Objects or rows that one statement asks about. */
const CHUNK_MAX = 500;
/** Uploads that one run deletes; more of them wait for the next hour. */
const UPLOADS_MAX = 20_000;
const UPLOADS_FOLDER = "uploads/";
const UPLOAD_KEY = /^uploads\/[^/]+\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.csv$/;

/** What ingest cleans of its own, in whatever replica comes first. */
export function housekeepingJobs(deps: HousekeepingDeps): readonly PeriodicJob[] {
  return [
    hourly("expired_sessions", async () => ({
      deleted: await asSystem(deps.db, deleteExpiredSessions),
    })),
    hourly("old_sign_in_attempts", async () => ({
      deleted: await asSystem(deps.db, (trx) => deleteOldAttempts(trx, ATTEMPTS_WINDOW_MS)),
    })),
    hourly("expired_uploads", (run) => deleteExpiredUploads(deps, run)),
    {
      name: "uploads_of_erased",
      periodMs: 5 * MINUTE_MS,
      timeoutMs: MINUTE_MS,
      run: (run) => deleteUploadsOfErased(deps, run),
    },
    hourly("orphaned_objects", (run) => deleteOrphans(deps, run)),
    hourly("ended_replays", async ({ now }) => ({
      deleted: await asSystem(deps.db, (trx) =>
        deleteEndedReplays(trx, new Date(now.getTime() - REPLAY_RETENTION_MS)),
      ),
    })),
    hourly("old_endpoint_creations", async ({ now }) => ({
      deleted: await asSystem(deps.db, (trx) =>
        deleteOldCreations(trx, new Date(now.getTime() - CREATION_RETENTION_MS)),
      ),
    })),
    hourly("old_notifications", async ({ now }) => ({
      deleted: await asSystem(deps.db, (trx) =>
        deleteOldNotifications(trx, new Date(now.getTime() - NOTIFICATION_RETENTION_MS)),
      ),
    })),
    usageJob(deps),
  ];
}

function hourly(name: string, run: PeriodicJob["run"]): PeriodicJob {
  return { name, run, periodMs: HOUR_MS, timeoutMs: 10 * MINUTE_MS };
}

/** The objects first, then the mark: a crash in between deletes once more what is gone. */
async function deleteExpiredUploads(deps: HousekeepingDeps, { now, signal }: JobRun) {
  const before = new Date(now.getTime() - deps.uploadRetentionMs);
  let deleted = 0;
  while (deleted < UPLOADS_MAX) {
    signal.throwIfAborted();
    const uploads = await asSystem(deps.db, (trx) => findExpiredUploads(trx, before, CHUNK_MAX));
    for (const { objectKey } of uploads) {
      signal.throwIfAborted();
      await deps.store.delete(objectKey);
    }
    const batchUuids = uploads.map(({ batchUuid }) => batchUuid);
    await asSystem(deps.db, (trx) => markUploadsDeleted(trx, batchUuids, now));
    deleted += uploads.length;
    if (uploads.length < CHUNK_MAX) break;
  }
  return { deleted };
}

/** Nobody reads an upload once its batch has ended, and this one holds somebody who is to be forgotten. */
async function deleteUploadsOfErased({ db, store }: HousekeepingDeps, { now, signal }: JobRun) {
  const uploads = await asSystem(db, (trx) => findUploadsOfErased(trx, CHUNK_MAX));
  for (const { objectKey } of uploads) {
    signal.throwIfAborted();
    await store.delete(objectKey);
  }
  const batchUuids = uploads.map(({ batchUuid }) => batchUuid);
  await asSystem(db, (trx) => markUploadsDeleted(trx, batchUuids, now));
  return { deleted: uploads.length };
}

/** What a crash between the object and its batch row left behind, and drafts of killed puts. */
async function deleteOrphans({ db, store }: HousekeepingDeps, { now, signal }: JobRun) {
  const before = new Date(now.getTime() - ORPHAN_AFTER_MS);
  let chunk = new Map<string, string>();
  let deleted = 0;

  async function deleteUnknown(): Promise<void> {
    // Of all tenants: a batch that row-level security hid would look like none.
    const known = await asSystem(db, (trx) => findBatches(trx, [...chunk.keys()]));
    for (const [batchUuid, key] of chunk) {
      signal.throwIfAborted();
      if (known.has(batchUuid)) continue;
      await store.delete(key);
      deleted += 1;
    }
    chunk = new Map();
  }

  for await (const { key, modifiedAt } of store.list(UPLOADS_FOLDER)) {
    const batchUuid = UPLOAD_KEY.exec(key)?.[1];
    if (batchUuid === undefined || modifiedAt >= before) continue;
    chunk.set(batchUuid, key);
    if (chunk.size === CHUNK_MAX) await deleteUnknown();
  }
  await deleteUnknown();
  return { deleted, drafts: await store.removeLeftovers(before) };
}
