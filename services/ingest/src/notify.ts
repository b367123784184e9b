import { hash } from "node:crypto";

import { batchFailed, endpointDisabled } from "@valify/contracts";
import type { Database } from "@valify/database";
import {
  type AddressGuard,
  type Consumer,
  type ConsumerDeps,
  type Later,
  type Logger,
  startConsumer,
} from "@valify/runtime";
import type { Kysely } from "kysely";

import {
  noticeOfDisabledEndpoint,
  noticeOfFailedBatch,
  type OperationalNotice,
} from "./domain/notice.ts";
import {
  findAdminAddresses,
  isNotified,
  markNotified,
  type NotificationChannel,
} from "./notification-queries.ts";
import { createOperationsWebhook, type OperationsWebhook } from "./operations-webhook.ts";
import { createMailer, type Mailer } from "./send-mail.ts";
import { inTenant } from "./tenant-scope.ts";

export interface NotifierDeps {
  readonly db: Kysely<Database>;
  readonly log: Logger;
  /** Undefined: no mail is sent. */
  readonly mailer: Mailer | undefined;
  /** Beside the tenant's admins. */
  readonly addresses: readonly string[];
  readonly webhook: OperationsWebhook | undefined;
}

export interface NotifySettings {
  readonly SMTP_URL?: string | undefined;
  readonly MAIL_FROM: string;
  readonly NOTIFY_EMAILS: readonly string[];
  readonly operationsWebhook: { readonly url: string; readonly secret: string } | null;
}

/** A mail server or a receiver that is away is asked once a minute, for well over an hour. */
const RETRY_MS = 60_000;
const CONCURRENCY = 2;

/**
 * Tells people, by each way that is set up. Each way is marked when it has worked, so that a repeat
 * tries only what is missing; a crash between the two sends once more under the same id.
 */
export function createNotifier(deps: NotifierDeps) {
  const { db, log, mailer, webhook } = deps;

  async function sendMail(notice: OperationalNotice): Promise<void> {
    const { eventId, tenantId, subject, text } = notice;
    const admins = await inTenant(db, tenantId, (trx) => findAdminAddresses(trx, tenantId));
    const to = [...new Set([...admins, ...deps.addresses])];
    const messageId = `<${digestOf(eventId)}@valify-batch>`;
    if (to.length > 0) await mailer?.send({ messageId, to, subject: `[Valify] ${subject}`, text });
  }

  async function sendWebhook({ eventId, type, at, data }: OperationalNotice): Promise<void> {
    await webhook?.send(`msg_${digestOf(eventId)}`, JSON.stringify({ type, timestamp: at, data }));
  }

  /** False: it has to be tried again. */
  async function tell(
    notice: OperationalNotice,
    channel: NotificationChannel,
    send: (notice: OperationalNotice) => Promise<void>,
  ): Promise<boolean> {
    const { eventId, tenantId, type } = notice;
    if (await inTenant(db, tenantId, (trx) => isNotified(trx, eventId, channel))) return true;
    try {
      await send(notice);
    } catch (error) {
      log.warn({ type, channel, err: error }, "notification.failed");
      return false;
    }
    await inTenant(db, tenantId, (trx) => markNotified(trx, { eventId, channel, tenantId }));
    log.info({ type, channel, tenantId }, "notification.sent");
    return true;
  }

  return async function notify(notice: OperationalNotice): Promise<Later | undefined> {
    const told = await Promise.all([
      mailer === undefined ? true : tell(notice, "email", sendMail),
      webhook === undefined ? true : tell(notice, "webhook", sendWebhook),
    ]);
    return told.every(Boolean) ? undefined : { kind: "later", delayMs: RETRY_MS };
  };
}

/** Opens what is set up, and takes the events in even where nothing is: else they would pile up. */
export async function startNotifier(
  deps: ConsumerDeps,
  {
    db,
    settings,
    guard,
  }: {
    readonly db: Kysely<Database>;
    readonly settings: NotifySettings;
    readonly guard: AddressGuard;
  },
): Promise<AsyncDisposable & { readonly consumers: readonly Consumer[] }> {
  await using stack = new AsyncDisposableStack();
  const { SMTP_URL: smtpUrl, MAIL_FROM: from, operationsWebhook } = settings;
  const mailer = smtpUrl === undefined ? undefined : stack.use(createMailer(smtpUrl, from));
  const webhook = operationsWebhook
    ? stack.use(createOperationsWebhook({ ...operationsWebhook, guard }))
    : undefined;
  const addresses = settings.NOTIFY_EMAILS;
  const notify = createNotifier({ db, log: deps.log, mailer, addresses, webhook });
  const consumers = await Promise.all([
    startConsumer(deps, {
      durable: "ingest-notify-failed",
      event: batchFailed,
      concurrency: CONCURRENCY,
      handle: (event) => notify(noticeOfFailedBatch(event)),
    }),
    startConsumer(deps, {
      durable: "ingest-notify-disabled",
      event: endpointDisabled,
      concurrency: CONCURRENCY,
      handle: (event) => notify(noticeOfDisabledEndpoint(event)),
    }),
  ]);
  for (const consumer of consumers) stack.use(consumer);
  const owned = stack.move();
  return { consumers, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

function digestOf(eventId: string): string {
  return hash("sha256", eventId, "hex").slice(0, 32);
}
