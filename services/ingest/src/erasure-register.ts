import { erasureRequested } from "@valify/contracts";
import { addToOutbox, type Database } from "@valify/database";
import { type ObjectStore, readObject } from "@valify/runtime";
import type { Kysely, Transaction } from "kysely";

import {
  beginAgain,
  type ErasureOrder,
  findKnown,
  insertErasure,
  type StoredErasure,
} from "./erasure-queries.ts";
import { asSystem } from "./tenant-scope.ts";

const FOLDER = "erasures/";
/** Five hundred rows of ids take a tenth of it. */
const ORDER_BYTES_MAX = 1_048_576;
/** Orders that one statement asks about. */
const PAGE = 500;
const ORDER_KEY = /^erasures\/[^/]+\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.json$/;
const Order = erasureRequested.schema.omit({ attempt: true });

type Store = Pick<ObjectStore, "put" | "get" | "list">;

/**
 * Keeps what was asked outside of the database, which may come back from a backup that knows nothing
 * of it. Ids and keyed hashes alone; kept for good, as the tombstones are.
 */
export async function registerOrder(store: Store, order: ErasureOrder): Promise<void> {
  const key = `${FOLDER}${order.tenant_id}/${order.erasure_id}.json`;
  await store.put(key, Buffer.from(JSON.stringify(order)));
}

/** Tells every service; in the transaction of the fact. */
export async function tellServices(
  trx: Transaction<Database>,
  { erasure_id, tenant_id, attempt, leads, tombstones, requested_at }: StoredErasure,
): Promise<void> {
  await addToOutbox(trx, erasureRequested.subject, {
    erasure_id,
    tenant_id,
    attempt,
    requested_at: requested_at.toISOString(),
    leads,
    tombstones: tombstones.map((tombstone) => tombstone.replaceAll("-", "")),
  });
}

export interface ReplayScope {
  /** Undefined: of every tenant. */
  readonly tenantId?: string;
  /** `missing`: only what the database does not know. */
  readonly which: "all" | "missing";
}

/**
 * Does what was asked once more, as after a restore of the database, the files or the broker. Doing it
 * where it was done already changes nothing. Returns how many.
 */
export async function replayOrders(
  db: Kysely<Database>,
  store: Store,
  { tenantId, which }: ReplayScope,
  signal?: AbortSignal,
): Promise<number> {
  let replayed = 0;
  let page = new Map<string, string>();

  async function replayPage(): Promise<void> {
    // Asked of the database first: most of what is kept is known, and need not be read.
    const known =
      which === "all" ? [] : await asSystem(db, (trx) => findKnown(trx, [...page.keys()]));
    for (const erasureId of known) page.delete(erasureId);
    for (const key of page.values()) {
      signal?.throwIfAborted();
      const bytes = await readObject(store, key, ORDER_BYTES_MAX);
      if (bytes === undefined) continue;
      const order = Order.parse(JSON.parse(Buffer.from(bytes).toString()));
      replayed += Number(await asSystem(db, (trx) => replayOrder(trx, order, which)));
    }
    page = new Map();
  }

  for await (const { key } of store.list(
    tenantId === undefined ? FOLDER : `${FOLDER}${tenantId}/`,
  )) {
    const erasureId = ORDER_KEY.exec(key)?.[1];
    if (erasureId !== undefined) page.set(erasureId, key);
    if (page.size === PAGE) await replayPage();
  }
  await replayPage();
  return replayed;
}

async function replayOrder(
  trx: Transaction<Database>,
  order: ErasureOrder,
  which: ReplayScope["which"],
): Promise<boolean> {
  const inserted = await insertErasure(trx, order);
  const erasure =
    inserted ?? (which === "all" ? await beginAgain(trx, order.erasure_id) : undefined);
  if (erasure === undefined) return false;
  await tellServices(trx, erasure);
  return true;
}
