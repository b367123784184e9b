import { Webhook as SvixWebhook } from "svix";

import { assertAllDelivered } from "../support/evidence.ts";
import { leadCsv } from "../support/lead-csv.ts";
import { distinctWebhooks } from "../support/moments.ts";
import { type Stack, startStack } from "../support/stack.ts";

export interface DispatcherKillsPlan {
  readonly leads: number;
  readonly kills: number;
  /** With a PostgreSQL of its own that waits for the disk, as in production. */
  readonly durable?: boolean;
}

export interface DispatcherKillsResult {
  /** Requests that came more than once. */
  readonly repeats: number;
  /** Webhooks that the killed processes had sent and not recorded. */
  readonly inFlight: number;
  /** Requests that the second official library refused. */
  readonly refusedBySvix: number;
}

const DEADLINE_MS = 300_000;

/**
 * One file of leads that all fall due at about the same time, and a dispatcher that is killed again
 * and again while it delivers them. Throws unless each is delivered, none early, and each repeat
 * carries the id of the first.
 */
export async function runDispatcherKills({
  leads,
  kills,
  durable = false,
}: DispatcherKillsPlan): Promise<DispatcherKillsResult> {
  await using stack = await startStack({
    webhookDelay: "PT3S",
    ownPostgres: durable && "durable",
  });
  const { receiver } = stack;
  const dispatcher = stack.services["webhook-dispatcher"];
  const { batch_id: batchId } = await stack.api.upload(leadCsv({ valid: leads }));
  const inFlight = new Set<string>();
  let looked = 0;
  for (let kill = 0; kill < kills; kill += 1) {
    // The moments are spread over the whole run, each after some progress of the process's own.
    const wanted = Math.max(receiver.received.length + 1, ((kill + 0.5) * leads) / (kills + 1));
    await stack.waitFor(
      () => receiver.received.length >= wanted || distinctWebhooks(receiver.received) === leads,
      `${wanted} requests`,
      DEADLINE_MS,
    );
    await dispatcher.kill9();
    // The dead one's last requests may still lie in the receiver's sockets.
    const isRead = async () => (await receiver.connections()) === 0;
    await stack.waitFor(isRead, "the last requests are read", DEADLINE_MS);
    const recorded = await recordedWebhooks(stack);
    // Each counts once for each process that died with it, however often that one has sent it.
    for (const { id } of receiver.received.slice(looked)) {
      if (!recorded.has(id)) inFlight.add(`${kill} ${id}`);
    }
    looked = receiver.received.length;
    await dispatcher.start();
  }
  await assertAllDelivered(stack, batchId, leads);
  const verifier = new SvixWebhook(stack.env["WEBHOOK_SECRET"] ?? "");
  return {
    repeats: receiver.received.length - leads,
    inFlight: inFlight.size,
    refusedBySvix: receiver.received.filter(({ rawBody, headers }) => {
      return !accepts(verifier, rawBody, headers);
    }).length,
  };
}

/** The `webhook-id` of each. */
async function recordedWebhooks({ db }: Stack): Promise<ReadonlySet<string>> {
  const { rows } = await db.query<{ id: string }>(
    "select 'msg_' || replace(delivery_id::text, '-', '') as id from delivery.attempts",
  );
  return new Set(rows.map(({ id }) => id));
}

function accepts(verifier: SvixWebhook, body: string, headers: Readonly<Record<string, string>>) {
  try {
    verifier.verify(body, { ...headers });
    return true;
  } catch {
    return false;
  }
}
