import type { EventContract } from "@valify/contracts";

import { countEvents, readEvents, type StoredEvent } from "./event-reader.ts";
import type { Stack } from "./stack.ts";
import type { ReceivedWebhook } from "./webhook-receiver.ts";

/** Cheap enough to poll: how many different webhooks came. */
export function distinctWebhooks(received: readonly ReceivedWebhook[]): number {
  return new Set(received.map(({ id }) => id)).size;
}

/** How far the validator is: rows stored and announced, over all batches. */
export async function announcedRows({ db }: Stack): Promise<number> {
  const { rows } = await db.query<{ count: number }>(
    "select coalesce(sum(announced_rows), 0)::int as count from validation.runs",
  );
  return rows[0]?.count ?? 0;
}

/** Waits until so many rows of all batches are announced. */
export async function untilAnnounced(stack: Stack, count: number): Promise<void> {
  await stack.waitFor(
    async () => (await announcedRows(stack)) >= count,
    `${count} rows are announced`,
    60_000,
  );
}

/** Waits until so many different webhooks have arrived. */
export async function untilArrived(stack: Stack, count: number): Promise<void> {
  const { receiver } = stack;
  await stack.waitFor(
    () => distinctWebhooks(receiver.received) >= count,
    () => `${count} webhooks arrived, not ${distinctWebhooks(receiver.received)}`,
    90_000,
  );
}

/**
 * Waits until a subject holds so many events and reads them. A service records a fact first and
 * tells it then, so what the status page shows may be a moment ahead of the stream.
 */
export async function untilStored<Event extends object>(
  { nats, waitFor }: Stack,
  contract: EventContract<Event>,
  count: number,
): Promise<StoredEvent<Event>[]> {
  await waitFor(
    async () => (await countEvents(nats.url, contract)) >= count,
    `${count} events ${contract.subject} are stored`,
    90_000,
  );
  return readEvents(nats.url, contract);
}
