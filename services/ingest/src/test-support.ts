import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import type { WebhookCancel, WebhookRetry, WebhookTest } from "@valify/contracts";
import { createDatabase, createLeadHash, createPool, type Database } from "@valify/database";
import { createTestDatabase } from "@valify/database/testing";
import {
  createAddressGuard,
  createHealth,
  createLogger,
  createMetrics,
  createObjectStore,
  createSecretBox,
} from "@valify/runtime";
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from "fastify";
import type { Kysely } from "kysely";
import { z } from "zod";

import { createAdmission } from "./admission.ts";
import { type AppConfig, type AppDeps, buildApp } from "./app.ts";
import { hashOfSecret } from "./auth.ts";
import { bootstrap, DEFAULT_TENANT_ID } from "./bootstrap.ts";
import { checkAnswers } from "./check-answers.ts";
import { openDatabase } from "./open-database.ts";
import { asSystem } from "./tenant-scope.ts";

export const API_KEY = "key-of-the-default-tenant-0123456789abcdef";
export const OTHER_API_KEY = "key-of-another-tenant-0123456789abcdef00";
export const OTHER_TENANT_ID = "0b7c2f8e-4d1a-4e5f-9a36-c2d8e1f07b94";
export const SECRET_KEY = "0123456789abcdef0123456789abcdef";
export const AUTH = { authorization: `Bearer ${API_KEY}` };
export const OTHER_AUTH = { authorization: `Bearer ${OTHER_API_KEY}` };
export const CSV = "first_name,last_name,dob\nAda,Quillfeather,15/03/1990\nBo,Marsh,01/02/1985\n";

/** The variable's value; a run without its server must fail, not skip. */
export function requireEnv(name: string): string {
  // oxlint-disable-next-line node/no-process-env -- tests get their servers from the runner
  const value = process.env[name];
  if (value === undefined || value === "") throw new Error(`${name} is missing: start by npm test`);
  return value;
}

export interface TestApp extends AsyncDisposable {
  readonly app: FastifyInstance;
  /** In the role of ingest. */
  readonly db: Kysely<Database>;
  readonly databaseUrl: string;
  /** As the owner, to play the other services and to break things. */
  readonly owner: ReturnType<typeof createPool>;
  /** The same, past the tenants' wall. */
  readonly ownerDb: Kysely<Database>;
  /** The folder behind the object store. */
  readonly folder: string;
  readonly retries: WebhookRetry[];
  readonly tests: WebhookTest[];
  readonly cancels: WebhookCancel[];
  /** How often the outbox was told of news. */
  readonly wakeCount: () => number;
}

const DEFAULTS: AppConfig = {
  HOST: "127.0.0.1",
  MAX_LEADS_PER_FILE: 10_000,
  MAX_FILE_BYTES: 5 * 1024 * 1024,
  WEBHOOK_DELAY: 86_400_000,
  CORS_ORIGINS: [],
  REQUESTS_PER_MINUTE: 0,
  TRUSTED_PROXIES: [],
};

type Changes = Partial<Omit<AppDeps, "config">> & { readonly config?: Partial<AppConfig> };

/** The app against a database and a folder of its own, with two tenants and a key for each. */
export async function createTestApp(changes: Changes = {}): Promise<TestApp> {
  await using stack = new AsyncDisposableStack();
  const database = stack.use(await createTestDatabase(requireEnv("TEST_DATABASE_URL")));
  const folder = await mkdtemp(join(tmpdir(), "valify-ingest-"));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const owner = stack.adopt(
    createPool({ url: database.url, role: null, applicationName: "test", connectionsMax: 2 }),
    (pool) => pool.end(),
  );
  const ownerDb = stack.use(
    createDatabase({ url: database.url, role: null, applicationName: "test", connectionsMax: 2 }),
  );
  const db = stack.use(databaseAt(database.url));
  await addTenants(db);

  const retries: WebhookRetry[] = [];
  const tests: WebhookTest[] = [];
  const cancels: WebhookCancel[] = [];
  let wakeCount = 0;
  const healthy = createHealth({});
  const { config, ...deps } = changes;
  const app = stack.adopt(
    await buildApp({
      config: { ...DEFAULTS, ...config },
      db,
      store: await createObjectStore({ OBJECT_STORE_URL: pathToFileURL(folder).href }),
      log: silentLog(),
      metrics: createMetrics("ingest", "test"),
      health: healthy,
      readiness: healthy,
      secretBox: createSecretBox(SECRET_KEY),
      leadHash: createLeadHash(SECRET_KEY),
      guard: guardWhere(() => "1.1.1.1"),
      wakeOutbox: () => void (wakeCount += 1),
      wakeReplays: () => {},
      admission: await openAdmission(),
      fleet: { workers: async () => [], queues: async () => [] },
      publishRetries: async (events) => void retries.push(...events),
      publishTest: async (event) => void tests.push(event),
      publishCancel: async (event) => void cancels.push(event),
      ...deps,
    }),
    (server) => server.close(),
  );
  await app.ready();
  checkAnswers(app);
  const owned = stack.move();
  return {
    app,
    db,
    databaseUrl: database.url,
    owner,
    ownerDb,
    folder,
    retries,
    tests,
    cancels,
    wakeCount: () => wakeCount,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Behind a name server that gives every name the address of the moment. */
export function guardWhere(address: () => string) {
  return createAddressGuard({ resolve: async () => [{ address: address(), family: 4 }] });
}

/** With room for everybody. */
function openAdmission() {
  return createAdmission({
    readMemory: async () => ({ source: "process", usedBytes: 1, limitBytes: 100 }),
    health: createHealth({}),
    now: () => new Date(),
    log: silentLog(),
    metrics: createMetrics("ingest", "admission"),
  });
}

export function silentLog() {
  return createLogger("ingest", "silent");
}

export function databaseAt(url: string): Kysely<Database> {
  return openDatabase({ url, applicationName: "valify-ingest-test" });
}

async function addTenants(db: Kysely<Database>): Promise<void> {
  const secretBox = createSecretBox(SECRET_KEY);
  const settings = { BOOTSTRAP_API_KEY: API_KEY, defaultEndpoint: null };
  await bootstrap({ db, secretBox, log: silentLog() }, settings);
  await asSystem(db, async (trx) => {
    await trx
      .insertInto("ingest.tenants")
      .values({ tenant_id: OTHER_TENANT_ID, name: "other" })
      .execute();
    await trx
      .insertInto("ingest.api_keys")
      .values({
        tenant_id: OTHER_TENANT_ID,
        name: "other",
        key_hash: hashOfSecret(OTHER_API_KEY),
        revoked_at: null,
      })
      .execute();
  });
}

/** A multipart body of files; `field` is what the form calls it. */
export function formOf(
  ...files: readonly { bytes: string | Buffer; field?: string; filename?: string }[]
) {
  const boundary = `----test${randomUUID()}`;
  const parts = files.flatMap(({ bytes, field = "file", filename = "leads.csv" }) => [
    Buffer.from(
      `--${boundary}\r\ncontent-disposition: form-data; name="${field}"; filename="${filename}"\r\n` +
        "content-type: text/csv\r\n\r\n",
    ),
    Buffer.from(bytes),
    Buffer.from("\r\n"),
  ]);
  return {
    payload: Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]),
    headers: { "content-type": `multipart/form-data; boundary=${boundary}` },
  };
}

/**
 * Uploads as the default tenant unless other headers are given. Most tests upload the same file
 * many times, which is refused unless the query says that it is meant.
 */
export async function upload(
  app: FastifyInstance,
  bytes: string | Buffer = CSV,
  headers: Record<string, string> = AUTH,
  query = "on_duplicate=allow",
): Promise<LightMyRequestResponse> {
  const form = formOf({ bytes });
  return app.inject({
    method: "POST",
    url: `/upload_batch?${query}`,
    payload: form.payload,
    headers: { ...form.headers, ...headers },
  });
}

/** Asks as whoever these headers stand for, with JSON where there is a payload. */
export function callerOf({ app }: Pick<TestApp, "app">) {
  return (
    method: NonNullable<InjectOptions["method"]>,
    url: string,
    headers: Record<string, string>,
    payload?: object,
  ) => app.inject({ method, url, headers, ...(payload && { payload }) });
}

const problemCode = z.object({ code: z.string() });

/** The stable code of a problem answer. */
export function codeOf(response: { json: () => unknown }): string {
  return problemCode.parse(response.json()).code;
}

/** Uploads and returns the new batch, both ways of naming it. */
export async function uploadedBatch(
  app: FastifyInstance,
  headers: Record<string, string> = AUTH,
): Promise<{ readonly batchId: string }> {
  const response = await upload(app, CSV, headers);
  if (response.statusCode !== 202) throw new Error(`not accepted: ${response.body}`);
  return { batchId: response.json<{ batch_id: string }>().batch_id };
}

export interface RunState {
  readonly status: "processing" | "completed" | "failed";
  readonly valid?: number;
  readonly invalid?: number;
  readonly skipped?: number;
  readonly resultsKey?: string;
  readonly error?: string;
}

/** Plays the validator: puts the batch's run into a state. */
export async function setRun(owner: TestApp["owner"], batchUuid: string, run: RunState) {
  const { status, valid = 0, invalid = 0, skipped = 0, resultsKey, error } = run;
  await owner.query(
    `insert into validation.runs (batch_id, tenant_id, status, total_leads, valid_leads,
       invalid_leads, skipped_rows, results_object_key, error_code, error_message, ended_at)
     values ($1, $2, $3, 2, $4, $5, $6, $7, $8, $8, case when $3 <> 'processing' then now() end)
     on conflict (batch_id) do update set status = excluded.status,
       valid_leads = excluded.valid_leads, invalid_leads = excluded.invalid_leads,
       skipped_rows = excluded.skipped_rows, results_object_key = excluded.results_object_key,
       error_message = excluded.error_message, ended_at = excluded.ended_at`,
    [
      batchUuid,
      DEFAULT_TENANT_ID,
      status,
      valid,
      invalid,
      skipped,
      resultsKey ?? null,
      error ?? null,
    ],
  );
}

/** `GET /batches/:id` of the router's own tree. */
export function routesOf(tree: string): readonly string[] {
  const routes: string[] = [];
  const parts: string[] = [];
  for (const line of tree.split("\n")) {
    const found = /^([│ ]*)[├└]── (.*?) \(([A-Z, ]+)\)/.exec(line);
    const [, indent = "", part = "", methods = ""] =
      found ?? /^([│ ]*)[├└]── (.*?)()$/.exec(line) ?? [];
    if (part === "") continue;
    parts.length = indent.length / 4;
    parts.push(part);
    for (const method of methods.split(", "))
      if (method !== "") routes.push(`${method} ${parts.join("")}`);
  }
  return routes;
}
