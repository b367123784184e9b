import type { EventContract } from "@valify/contracts";
import { type Database, type OutboxEntry, relayOutbox } from "@valify/database";
import type { Kysely } from "kysely";

import type { Bus } from "./bus.ts";
import type { Logger } from "./logger.ts";
import { createWake } from "./wake.ts";

export interface OutboxRelayDeps {
  readonly db: Kysely<Database>;
  readonly bus: Bus;
  readonly log: Logger;
  /** Every event this service may have put into its outbox. */
  readonly contracts: readonly EventContract[];
}

export interface OutboxRelay extends AsyncDisposable {
  /** Something was just committed: do not wait for the next poll. */
  wake(): void;
}

const POLL_MS = 500;
const ENTRIES_MAX = 100;

/**
 * Publishes the outbox: at once when woken, else every half second, which also covers what a
 * crashed process left behind. Failures are logged and tried again; the loop never ends by itself.
 */
export function startOutboxRelay({ db, bus, log, contracts }: OutboxRelayDeps): OutboxRelay {
  const bySubject = new Map(contracts.map((contract) => [contract.subject, contract]));
  const stop = new AbortController();
  const wakes = createWake();

  async function publish(entries: readonly OutboxEntry[]): Promise<void> {
    await Promise.all(
      entries.map(({ subject, event }) => {
        const contract = bySubject.get(subject);
        if (contract === undefined) throw new Error(`the outbox holds an unknown ${subject}`);
        return bus.publish(contract, event);
      }),
    );
  }

  async function run(): Promise<void> {
    while (!stop.signal.aborted) {
      // Armed before the read, so that a commit during it is not slept through.
      const pause = wakes.arm(POLL_MS);
      const count = await relayOutbox(db, ENTRIES_MAX, publish).catch((error: unknown) => {
        log.warn({ err: error }, "outbox.relay_failed");
        return 0;
      });
      if (count < ENTRIES_MAX) await pause;
    }
  }

  const done = run();
  return {
    wake: () => wakes.wake(),
    async [Symbol.asyncDispose]() {
      stop.abort();
      wakes.wake();
      await done;
    },
  };
}
