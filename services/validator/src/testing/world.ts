import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import type { BatchUploaded, LeadValidated } from "@valify/contracts";
import { createDatabase, createLeadHash, type Database } from "@valify/database";
import { createTestDatabase } from "@valify/database/testing";
import {
  type Bus,
  connectBus,
  createLogger,
  createMetrics,
  createObjectStore,
  type ObjectStore,
  readObject,
} from "@valify/runtime";
import { startTestNats } from "@valify/runtime/testing";
import { type Kysely, sql } from "kysely";

import { createBatchObserver } from "../batch-observer.ts";
import type { BatchUploadedDeps } from "../batch-uploaded-handler.ts";
import { batchOfEvent } from "../domain/batch.ts";
import { errorsKeyOf, resultsKeyOf } from "../results-file.ts";
import { newBatchEvent, requireEnv, TEST_SECRET_KEY } from "./fixtures.ts";

/** A stored event: its message id beside its body. */
interface StoredEvent<Event> {
  readonly messageId: string;
  readonly body: Event;
}

export interface World extends AsyncDisposable {
  readonly deps: BatchUploadedDeps & { readonly bus: Bus };
  /** Stores the file and returns its `batch.uploaded`, which is not published. */
  upload(csv: string, overrides?: Partial<BatchUploaded>): Promise<BatchUploaded>;
  leadsAnnounced(batchId: string): Promise<readonly StoredEvent<LeadValidated>[]>;
  /** Of `batch.completed` or `batch.failed`. */
  endsAnnounced(batchId: string): Promise<readonly StoredEvent<Record<string, unknown>>[]>;
  resultsOf(event: BatchUploaded): Promise<string | undefined>;
  /** The file of refused rows. */
  errorsOf(event: BatchUploaded): Promise<string | undefined>;
  /** As if the time of the lease had passed. */
  endLease(event: BatchUploaded): Promise<void>;
}

/** Postgres, NATS and an object store of one's own, with what the handler needs of them. */
export async function startWorld(): Promise<World> {
  const stack = new AsyncDisposableStack();
  const database = stack.use(await createTestDatabase(requireEnv("TEST_DATABASE_URL")));
  const nats = stack.use(await startTestNats(requireEnv("TEST_NATS_SERVER_BIN")));
  const folder = await mkdtemp(join(tmpdir(), "valify-objects-"));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const log = createLogger("validator", "silent");
  const applicationName = "test";
  const db = stack.use(
    createDatabase({ url: database.url, role: "valify_validator", applicationName }),
  );
  const bus = stack.use(await connectBus({ url: nats.url, service: "validator", log }));
  const objects = await createObjectStore({ OBJECT_STORE_URL: pathToFileURL(folder).href });
  const observer = createBatchObserver(log, createMetrics("validator", "test"));
  return {
    deps: {
      db,
      bus,
      objects,
      observer,
      log,
      leadHash: createLeadHash(TEST_SECRET_KEY),
      external: undefined,
    },
    ...observing(db, bus, objects),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

function observing(db: Kysely<Database>, bus: Bus, objects: ObjectStore) {
  const textOf = async (key: string) => {
    const bytes = await readObject(objects, key, 1e6);
    return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
  };
  const ofBatch = async <Event extends { batch_id?: unknown }>(
    stream: string,
    subject: string,
    batchId: string,
  ) => {
    const events = await readStream<Event>(bus, stream, subject);
    return events.filter(({ body }) => body.batch_id === batchId);
  };
  return {
    async upload(csv: string, overrides: Partial<BatchUploaded> = {}) {
      const bytes = Buffer.from(csv);
      const event = newBatchEvent({ byte_count: bytes.length, ...overrides });
      await objects.put(event.object_key, bytes);
      return event;
    },
    leadsAnnounced: (batchId: string) => ofBatch<LeadValidated>("LEADS", "lead.validated", batchId),
    async endsAnnounced(batchId: string) {
      const subjects = ["batch.completed", "batch.failed"];
      const ends = subjects.map((subject) =>
        ofBatch<Record<string, unknown>>("BATCH", subject, batchId),
      );
      return (await Promise.all(ends)).flat();
    },
    resultsOf: (event: BatchUploaded) => textOf(resultsKeyOf(batchOfEvent(event))),
    errorsOf: (event: BatchUploaded) => textOf(errorsKeyOf(batchOfEvent(event))),
    async endLease(event: BatchUploaded) {
      await sql`update validation.runs set lease_until = clock_timestamp()
        where batch_id = ${batchOfEvent(event).batchUuid}`.execute(db);
    },
  };
}

interface RawMessage {
  readonly message?: { readonly seq: number; readonly hdrs: string; readonly data: string };
}

/** Message by message through the server's own API, so that nothing of ours stands in between. */
async function readStream<Event>(bus: Bus, stream: string, subject: string) {
  const events: StoredEvent<Event>[] = [];
  for (let seq = 1; ;) {
    const query = JSON.stringify({ seq, next_by_subj: subject });
    const reply = await bus.connection.request(`$JS.API.STREAM.MSG.GET.${stream}`, query);
    const { message } = reply.json<RawMessage>();
    if (message === undefined) return events;
    const headers = Buffer.from(message.hdrs, "base64").toString();
    const messageId = /^Nats-Msg-Id: (.*)\r$/m.exec(headers)?.[1] ?? "";
    const body: Event = JSON.parse(Buffer.from(message.data, "base64").toString());
    events.push({ messageId, body });
    seq = message.seq + 1;
  }
}
