import { fastifyCookie } from "@fastify/cookie";
import type { Database, LeadHash } from "@valify/database";
import type {
  AddressGuard,
  Health,
  Logger,
  Metrics,
  ObjectStore,
  SecretBox,
} from "@valify/runtime";
import Fastify, { type FastifyInstance } from "fastify";
import { serializerCompiler, validatorCompiler } from "fastify-type-provider-zod";
import type { Kysely } from "kysely";

import { createAcceptUpload } from "./accept-upload.ts";
import { accessApi } from "./access-api.ts";
import { adminRoutes } from "./admin-routes.ts";
import type { Admission } from "./admission.ts";
import { IDENTITY, requireAccess, requirePermissions } from "./auth.ts";
import { findWatchedBatches } from "./batch-queries.ts";
import { batchRoutes } from "./batch-routes.ts";
import { boundClose } from "./bounded-close.ts";
import { endpointApi, type EndpointApiDeps } from "./endpoint-api.ts";
import { erasureRoutes } from "./erasure-routes.ts";
import { handleErrors } from "./error-handling.ts";
import { findingRoutes } from "./finding-routes.ts";
import { healthRoutes } from "./health-routes.ts";
import { createLiveBatches } from "./live-batches.ts";
import { liveRoutes } from "./live-routes.ts";
import type { OidcProvider } from "./oidc-provider.ts";
import { describeApi } from "./openapi.ts";
import { createPasswords, type Passwords } from "./passwords.ts";
import { createReadRecord } from "./read-record.ts";
import { createReceiveUpload } from "./receive-upload.ts";
import { createRequestLimits, type RequestLimits } from "./request-limits.ts";
import { logRequests } from "./request-log.ts";
import { resultsRoute } from "./results-route.ts";
import type { RetryWebhooksDeps } from "./retry-webhooks.ts";
import { ruleProfileRoutes } from "./rule-profile-routes.ts";
import { secureHeaders } from "./security-headers.ts";
import { createSignInLimit } from "./sign-in-limit.ts";
import { signInRoute } from "./sign-in-route.ts";
import { createSignIn } from "./sign-in.ts";
import { type FleetStats, statsRoutes } from "./stats-routes.ts";
import { asSystem } from "./tenant-scope.ts";
import { uploadRoute } from "./upload-route.ts";
import { createWebhookCounts } from "./webhook-counts.ts";
import { webhookRoutes } from "./webhook-routes.ts";

export interface AppDeps
  extends
    Pick<RetryWebhooksDeps, "publishRetries">,
    Pick<EndpointApiDeps, "publishTest" | "publishCancel"> {
  readonly config: AppConfig;
  readonly db: Kysely<Database>;
  readonly store: ObjectStore;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly health: Health;
  readonly readiness: Health;
  readonly secretBox: SecretBox;
  readonly leadHash: LeadHash;
  readonly guard: AddressGuard;
  readonly wakeOutbox: () => void;
  readonly wakeReplays: () => void;
  readonly admission: Admission;
  readonly fleet: FleetStats;
  readonly oidc?: OidcProvider;
  /** One per process; of its own unless told. */
  readonly passwords?: Passwords;
}

export interface AppConfig {
  readonly HOST: string;
  readonly MAX_LEADS_PER_FILE: number;
  readonly MAX_FILE_BYTES: number;
  readonly WEBHOOK_DELAY: number;
  /** Sites whose pages may call the API. */
  readonly CORS_ORIGINS: readonly string[];
  /** Of one key or session; 0 = no limit. */
  readonly REQUESTS_PER_MINUTE: number;
  /** Addresses whose word on the client's address is taken. */
  readonly TRUSTED_PROXIES: readonly string[];
  /** Live streams of this process; 200 unless told. */
  readonly streamsMax?: number;
}

const STREAMS_MAX = 200;
/** For a body that is no upload: every route but the upload ignores or hardly needs one. */
const BODY_BYTES_MAX = 64 * 1024;
const HEADER_BYTES_MAX = 16 * 1024;
/** The whole request, body included: 5 MiB in it needs no more than 350 kbit/s. */
const REQUEST_TIMEOUT_MS = 120_000;
/** A socket on which nothing moves. Live streams ping more often. */
const SOCKET_TIMEOUT_MS = 60_000;

/** Builds the HTTP side, without a socket: `main.ts` listens, tests inject. */
export async function buildApp(deps: AppDeps): Promise<FastifyInstance> {
  const { config, db, store, log, metrics, wakeOutbox } = deps;
  const app = createServer(config.TRUSTED_PROXIES);
  handleErrors(app, log);
  logRequests(app, log, metrics);
  await secureHeaders(app, config.CORS_ORIGINS);
  await app.register(fastifyCookie);
  await describeApi(app);
  const limits = await createRequestLimits(app, config.REQUESTS_PER_MINUTE);
  app.decorateRequest(IDENTITY, null);

  const live = createLiveBatches({
    findBatches: (batchUuids) => asSystem(db, (trx) => findWatchedBatches(trx, batchUuids)),
    log,
    watchesMax: config.streamsMax ?? STREAMS_MAX,
  });
  // Before the server waits for its connections: a live stream would never end by itself.
  app.addHook("preClose", async () => live.drain());
  boundClose(app);

  const receiveUpload = createReceiveUpload({
    acceptUpload: createAcceptUpload({
      db,
      store,
      log,
      leadHash: deps.leadHash,
      wakeOutbox,
      leadsMax: config.MAX_LEADS_PER_FILE,
      webhookDelayMs: config.WEBHOOK_DELAY,
    }),
    admission: deps.admission,
    fileBytesMax: config.MAX_FILE_BYTES,
    now: () => new Date(),
  });
  const { HOST: host, MAX_FILE_BYTES: fileBytesMax, MAX_LEADS_PER_FILE: leadsMax } = config;
  const uploads = { receiveUpload, fileBytesMax };

  const passwords = deps.passwords ?? createPasswords();
  const signInLimit = createSignInLimit(db);
  const signIn = createSignIn({ db, passwords, signInLimit });

  const webhookCounts = createWebhookCounts(db);
  const recordRead = createReadRecord(db);

  await app.register(healthRoutes, deps);
  await app.register(signInRoute, { signIn, host });
  await app.register(adminRoutes, { ...deps, ...uploads, host, leadsMax, signIn });
  await app.register(async (api) => {
    guardApi(api, requireAccess(db), limits);
    ignoreBodies(api);
    await api.register(batchRoutes, { ...deps, webhookCounts });
    await api.register(findingRoutes, { db, recordRead });
    await api.register(resultsRoute, deps);
    await api.register(webhookRoutes, { ...deps, webhookCounts, recordRead });
    await api.register(ruleProfileRoutes, { db });
    await api.register(endpointApi, { ...deps, webhookCounts, recordRead });
    await api.register(erasureRoutes, deps);
    await api.register(accessApi, { db, passwords, signInLimit });
    await api.register(liveRoutes, { db, live });
    await api.register(statsRoutes, deps);
    await api.register(uploadRoute, uploads);
  });
  return app;
}

/** In this order: guessing is refused before it costs a query, a caller is known before counted. */
function guardApi(
  api: FastifyInstance,
  access: ReturnType<typeof requireAccess>,
  limits: RequestLimits,
): void {
  api.addHook("onRequest", async (_request, reply) => {
    reply.header("cache-control", "no-store"); // personal data in nearly every answer
  });
  api.addHook("onRequest", limits.refuseGuessers);
  api.addHook("onRequest", access);
  api.addHook("onRequest", limits.limitCaller);
  api.addHook("onResponse", limits.countFailure);
  requirePermissions(api);
}

function createServer(trustedProxies: readonly string[]): FastifyInstance {
  const app = Fastify({
    logger: false,
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: SOCKET_TIMEOUT_MS,
    forceCloseConnections: "idle",
    http: { maxHeaderSize: HEADER_BYTES_MAX },
    ...(trustedProxies.length === 0 ? {} : { trustProxy: [...trustedProxies] }),
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  return app;
}

/** `curl -d ''` and many clients send a type and a body to a POST that needs neither. */
function ignoreBodies(api: FastifyInstance): void {
  api.removeAllContentTypeParsers();
  api.addContentTypeParser("*", { parseAs: "buffer" }, (_request, _body, done) => done(null));
}
