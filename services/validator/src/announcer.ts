import { leadValidated } from "@valify/contracts";
import { type Bus, version } from "@valify/runtime";

import type { Batch } from "./domain/batch.ts";
import { leadEvents } from "./domain/lead-event.ts";
import type { LeadRecord } from "./domain/lead-record.ts";

export interface AnnouncerDeps {
  readonly bus: Pick<Bus, "publishAll">;
  /** After every announcement of a chunk is stored. False: the run is not ours any more. */
  readonly mark: (leads: readonly LeadRecord[]) => Promise<boolean>;
}

export interface Announcer extends AsyncDisposable {
  /** Starts announcing; waits only for the chunk before. False: stop, the run is not ours. */
  add(leads: readonly LeadRecord[]): Promise<boolean>;
  /** Resolves when the last chunk is marked. */
  finish(): Promise<boolean>;
}

const VALIDATOR_VERSION = `valify-validator/${version}`;

/**
 * Publishes chunk by chunk, then marks: a crash in between publishes the chunk again under the same
 * message ids. One chunk is under way while the next is judged and stored, never two, so that the
 * watermark moves in order and memory stays bounded.
 */
export function createAnnouncer(batch: Batch, { bus, mark }: AnnouncerDeps): Announcer {
  let underWay = Promise.resolve(true);

  async function announce(leads: readonly LeadRecord[]): Promise<boolean> {
    await bus.publishAll(leadValidated, leadEvents(leads, batch, VALIDATOR_VERSION));
    return mark(leads);
  }

  return {
    async add(leads) {
      if (!(await underWay)) return false;
      underWay = announce(leads);
      // Its failure is seen at the next add or at the end; until then it is nobody's.
      underWay.catch(() => {});
      return true;
    },
    finish: () => underWay,
    /** Whatever happened elsewhere: no publish of this run outlives it. */
    async [Symbol.asyncDispose]() {
      await underWay.catch(() => {});
    },
  };
}
