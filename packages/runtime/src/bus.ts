import { jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";

import { ConfigError } from "./config.ts";
import type { Logger } from "./logger.ts";
import { createPublisher, type Publisher } from "./publisher.ts";

export interface Bus extends AsyncDisposable, Publisher {
  /** For consumers and topology inside this package. */
  readonly connection: NatsConnection;
  /** Below it this service may listen for answers. */
  readonly inboxPrefix: string;
  /** Settles when the connection is closed for good: the process has to end. */
  readonly closed: Promise<void>;
  /** Rejects while the server does not answer. */
  check(): Promise<void>;
  /** Changes when the server we talk to is another, or has been started again. */
  serverId(): string;
  /** The message id at this place of the stream; undefined where it holds no message. */
  messageIdAt(stream: string, seq: number): Promise<string | undefined>;
}

export interface BusOptions {
  readonly url: string;
  /** `ce-source` of what it publishes, and the connection's name on the server. */
  readonly service: string;
  readonly log: Logger;
  /** How long a publish waits for the server's word that the message is stored. Default 5 s. */
  readonly ackTimeoutMs?: number;
}

const RECONNECT_WAIT_MS = 500;
const PING_INTERVAL_MS = 10_000;
/** Older servers accept our settings and silently ignore them: reasons of `term`, for one. */
const SERVER_VERSION_MIN = [2, 12] as const;

/**
 * Connects and stays connected: it waits for a server that is not there yet and reconnects for
 * ever. Throws ConfigError when the server is too old. Disposal drains what is under way.
 */
export async function connectBus({ url, service, log, ackTimeoutMs }: BusOptions): Promise<Bus> {
  const { server, credentials } = splitCredentials(url);
  const inboxPrefix = `_INBOX_${service}`;
  const connection = await connect({
    servers: server,
    name: `valify-${service}`,
    inboxPrefix,
    ...credentials,
    maxReconnectAttempts: -1,
    waitOnFirstConnect: true,
    reconnectTimeWait: RECONNECT_WAIT_MS,
    reconnectJitter: RECONNECT_WAIT_MS,
    pingInterval: PING_INTERVAL_MS,
    // A stack trace per request costs half the publish rate.
    noAsyncTraces: true,
  });
  try {
    requireVersion(connection.info?.version ?? "0.0.0");
  } catch (error) {
    await connection.close();
    throw error;
  }
  void logStatus(connection, log);
  const publisher = createPublisher({
    connection,
    source: `/valify/${service}`,
    ...(ackTimeoutMs === undefined ? {} : { ackTimeoutMs }),
  });
  return {
    ...publisher,
    connection,
    inboxPrefix,
    closed: untilClosed(connection),
    check: () => connection.flush(),
    serverId: () => connection.info?.server_id ?? "",
    messageIdAt: (stream, seq) => readMessageId(connection, stream, seq),
    async [Symbol.asyncDispose]() {
      if (connection.isClosed()) return;
      // Draining needs the server's answer. Without a server there is nothing left to save, and the
      // client would go on reconnecting for ever.
      await connection.drain().catch(() => connection.close());
    },
  };
}

async function readMessageId(connection: NatsConnection, stream: string, seq: number) {
  const manager = await jetstreamManager(connection, { checkAPI: false });
  const message = await manager.streams.getMessage(stream, { seq });
  return message?.header.get("Nats-Msg-Id");
}

async function untilClosed(connection: NatsConnection): Promise<void> {
  const error = await connection.closed();
  if (error) throw error;
}

/** The client takes user and password as options, not inside the address. */
function splitCredentials(url: string) {
  const parsed = new URL(url);
  const { username, password } = parsed;
  parsed.username = "";
  parsed.password = "";
  const credentials =
    username === ""
      ? {}
      : { user: decodeURIComponent(username), pass: decodeURIComponent(password) };
  return { server: parsed.href.replace(/\/$/, ""), credentials };
}

/** Throws ConfigError for a nats-server that is too old. */
export function requireVersion(version: string): void {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [majorMin, minorMin] = SERVER_VERSION_MIN;
  if (major > majorMin || (major === majorMin && minor >= minorMin)) return;
  throw new ConfigError(
    `NATS_URL leads to nats-server ${version}; ${SERVER_VERSION_MIN.join(".")} or later is needed`,
  );
}

async function logStatus(connection: NatsConnection, log: Logger): Promise<void> {
  for await (const status of connection.status()) {
    if (status.type === "disconnect" || status.type === "reconnect") {
      log.warn(`bus.${status.type}ed`);
    }
  }
}
