import type { Database } from "@valify/database";
import type { Bus, PeriodicJob } from "@valify/runtime";
import type { Kysely } from "kysely";

import { announceDisabled } from "./announce-disabled.ts";
import { releaseHeld } from "./release-held.ts";

export interface EndpointJobsDeps {
  readonly db: Kysely<Database>;
  readonly bus: Pick<Bus, "publishAll">;
}

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;

/** What a crash, or a moment of bad luck, left undone about endpoints. */
export function endpointJobs({ db, bus }: EndpointJobsDeps): readonly PeriodicJob[] {
  return [
    {
      // Whoever disables an endpoint announces it at once; this is for those who died in between.
      name: "announce_disabled",
      periodMs: 10 * SECOND_MS,
      timeoutMs: MINUTE_MS,
      run: async ({ now }) => ({ announced: await announceDisabled(db, bus, now) }),
    },
    {
      name: "release_held",
      periodMs: MINUTE_MS,
      timeoutMs: 5 * MINUTE_MS,
      run: async ({ now, signal }) => ({ released: await releaseHeld(db, bus, now, signal) }),
    },
  ];
}
