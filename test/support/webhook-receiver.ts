import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { promisify } from "node:util";

import { WebhookPayload } from "@valify/contracts";
import { Webhook } from "standardwebhooks";

export interface ReceivedWebhook {
  /** `webhook-id`: the same on every attempt. */
  readonly id: string;
  /** `webhook-timestamp`: Unix seconds of this attempt. */
  readonly timestamp: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed on first use: at full load nobody looks at most of them. */
  readonly body: WebhookPayload;
  readonly rawBody: string;
  /** Whether the official library accepted the signature on arrival; false when told not to look. */
  readonly verified: boolean;
  /** When the request's head arrived, by the clock of this machine. */
  readonly atMs: number;
}

/** Chooses the status of the answer. May take its time. */
type Respond = (webhook: ReceivedWebhook) => number | Promise<number>;

export interface WebhookReceiverOptions {
  /** `whsec_…`; can be given later. Without one nothing is verified. */
  readonly secret?: string;
  readonly port?: number;
  readonly respond?: Respond | readonly number[];
  /** Quotes what it was sent, as many endpoints do. */
  readonly echo?: boolean;
  /** False: skip the signature, for load. */
  readonly verify?: boolean;
}

export interface WebhookReceiver extends AsyncDisposable {
  readonly url: string;
  /** In order of arrival. */
  readonly received: readonly ReceivedWebhook[];
  /** Open now. None: whatever its senders had sent is in `received`. */
  connections(): Promise<number>;
  setSecret(secret: string): void;
  /** A list is used up first; from then on the answer is 200. */
  respondWith(respond: Respond | readonly number[]): void;
  stop(): Promise<void>;
}

/** A customer's endpoint: keeps what it gets and verifies it with the official library. */
export async function startWebhookReceiver(
  options: WebhookReceiverOptions = {},
): Promise<WebhookReceiver> {
  const received: ReceivedWebhook[] = [];
  let respond = responder(options.respond ?? []);
  let verifier = options.secret === undefined ? undefined : new Webhook(options.secret);

  const server = createServer((request, response) => {
    const atMs = Date.now();
    readBody(request, (rawBody) => {
      const webhook = describe(
        request,
        rawBody,
        atMs,
        options.verify === false ? undefined : verifier,
      );
      received.push(webhook);
      void answer(response, respond(webhook), options.echo ? rawBody : "");
    });
  });
  // A sender may keep a connection and use it at any time; closing it under its feet costs a retry.
  server.keepAliveTimeout = 0;
  server.listen(options.port ?? 0, "127.0.0.1");
  await once(server, "listening");

  async function stop(): Promise<void> {
    if (!server.listening) return;
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  }

  return {
    url: `http://127.0.0.1:${portOf(server.address())}/webhooks`,
    received,
    connections: () => promisify(server.getConnections.bind(server))(),
    setSecret: (secret) => {
      verifier = new Webhook(secret);
    },
    respondWith: (next) => {
      respond = responder(next);
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function responder(respond: Respond | readonly number[]): Respond {
  if (typeof respond === "function") return respond;
  const left = [...respond];
  return () => left.shift() ?? 200;
}

function readBody(request: IncomingMessage, done: (body: string) => void): void {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => done(Buffer.concat(chunks).toString("utf8")));
}

function describe(
  request: IncomingMessage,
  rawBody: string,
  atMs: number,
  verifier: Webhook | undefined,
): ReceivedWebhook {
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
  );
  let body: WebhookPayload | undefined;
  return {
    id: headers["webhook-id"] ?? "",
    timestamp: headers["webhook-timestamp"] ?? "",
    headers,
    get body() {
      body ??= WebhookPayload.parse(JSON.parse(rawBody));
      return body;
    },
    rawBody,
    verified: verifier !== undefined && isVerified(verifier, rawBody, headers),
    atMs,
  };
}

function isVerified(verifier: Webhook, rawBody: string, headers: Record<string, string>): boolean {
  try {
    verifier.verify(rawBody, headers);
    return true;
  } catch {
    return false;
  }
}

async function answer(
  response: ServerResponse,
  status: number | Promise<number>,
  text: string,
): Promise<void> {
  // Awaiting a plain number would cost a turn of the queue per request.
  response.writeHead(typeof status === "number" ? status : await status).end(text);
}

function portOf(address: ReturnType<ReturnType<typeof createServer>["address"]>): number {
  if (typeof address !== "object" || address === null) throw new Error("the receiver has no port");
  return address.port;
}
