import { createInbox, type Msg, type NatsConnection } from "@nats-io/transport-node";

/** The server's word that the message is stored. */
export interface PublishAck {
  readonly stream: string;
  readonly seq: number;
  /** The stream held this message id already; as good as stored. */
  readonly duplicate: boolean;
}

/** Messages that were handed over together. Each ends by itself, in one of two ways. */
export interface Group {
  readonly size: number;
  /** Sends one, to be answered at this subject. Called in order, once for each; may throw. */
  readonly send: (index: number, replySubject: string) => void;
  readonly acked: (index: number, ack: PublishAck) => void;
  readonly failed: (index: number, error: Error) => void;
}

export interface AckTableOptions {
  readonly connection: NatsConnection;
  /** What the inbox for answers begins with. */
  readonly inboxPrefix: string;
  readonly ackTimeoutMs: number;
}

export type AckTable = ReturnType<typeof createAckTable>;

/** Far below the 10,000 queued messages at which a stream refuses more. */
const IN_FLIGHT_MAX = 1_000;
const SWEEP_INTERVAL_MS = 250;

interface InFlight {
  readonly group: Group;
  readonly index: number;
  readonly deadlineMs: number;
}

/**
 * What is under way: an entry for each message sent and not yet acknowledged, bounded in number, and
 * behind it the groups that wait for places. No message has a promise, timer or closure of its own.
 */
export function createAckTable({ connection, inboxPrefix, ackTimeoutMs }: AckTableOptions) {
  const inFlight = new Map<string, InFlight>(); // insertion order = order of deadlines
  const queue = createQueue(send);
  const inbox = createInbox(inboxPrefix);
  let lastToken = 0;

  connection.subscribe(`${inbox}.*`, { callback: (_error, reply) => settle(reply) });
  // One sweep for all instead of a timer each; none while nothing is under way.
  let sweep: NodeJS.Timeout | undefined;
  const sweepLater = () => (sweep ??= setTimeout(failOverdue, SWEEP_INTERVAL_MS).unref());
  void failAllOnceClosed();

  /** False: no place is free. */
  function send(group: Group, index: number): boolean {
    if (inFlight.size >= IN_FLIGHT_MAX) return false;
    lastToken += 1;
    const token = lastToken.toString(36);
    inFlight.set(token, { group, index, deadlineMs: performance.now() + ackTimeoutMs });
    sweepLater();
    try {
      group.send(index, `${inbox}.${token}`);
    } catch (error) {
      inFlight.delete(token);
      group.failed(index, errorOf(error, "cannot publish"));
    }
    return true;
  }

  function settle(reply: Msg): void {
    const token = reply.subject.slice(inbox.length + 1);
    const message = inFlight.get(token);
    if (message === undefined) return; // its deadline has passed
    inFlight.delete(token);
    const answer = readAnswer(reply);
    if (answer instanceof Error) message.group.failed(message.index, answer);
    else message.group.acked(message.index, answer);
    queue.goOn();
  }

  function fail(token: string, reason: string): void {
    const message = inFlight.get(token);
    inFlight.delete(token);
    message?.group.failed(message.index, new Error(reason));
  }

  async function failAllOnceClosed(): Promise<void> {
    await connection.closed();
    // Those that wait are sent, and refused, in the places of those that end.
    for (const token of inFlight.keys()) fail(token, "the connection is closed");
    queue.goOn();
  }

  function failOverdue(): void {
    sweep = undefined;
    const now = performance.now();
    for (const [token, { deadlineMs }] of inFlight) {
      if (deadlineMs > now) break;
      fail(token, `no acknowledgement within ${ackTimeoutMs} ms`);
    }
    queue.goOn();
    if (inFlight.size > 0) sweepLater();
  }

  /** Sends them as places become free, behind those handed over before. */
  return { add: (group: Group) => queue.add(group) };
}

/** Groups in the order they came, each as far as there was room. */
function createQueue(send: (group: Group, index: number) => boolean) {
  const entries = new Set<{ readonly group: Group; next: number }>();

  function goOn(): void {
    for (const entry of entries) {
      while (entry.next < entry.group.size) {
        entry.next += 1; // before it is sent: whoever hears that it failed may come here again
        if (send(entry.group, entry.next - 1)) continue;
        entry.next -= 1;
        return;
      }
      entries.delete(entry);
    }
  }

  return {
    goOn,
    add(group: Group): void {
      entries.add({ group, next: 0 });
      goOn();
    },
  };
}

/** The reply is `{stream, seq, duplicate?}`, or `{error}`, or empty where no stream listens. */
function readAnswer(reply: Msg): PublishAck | Error {
  if (reply.data.length === 0) {
    return new Error("no stream takes this subject: the topology is missing, run the migrate job");
  }
  try {
    const { stream, seq, duplicate, error } = reply.json<{
      stream?: string;
      seq?: number;
      duplicate?: boolean;
      error?: { err_code?: number; description?: string };
    }>();
    if (error === undefined && stream !== undefined && seq !== undefined) {
      return { stream, seq, duplicate: duplicate === true };
    }
    const { err_code: code = 0, description = "no description" } = error ?? {};
    return new Error(`JetStream refused a message: ${description} (${code})`);
  } catch (error) {
    return errorOf(error, "a publish was answered with something else");
  }
}

function errorOf(error: unknown, otherwise: string): Error {
  return error instanceof Error ? error : new Error(otherwise);
}
