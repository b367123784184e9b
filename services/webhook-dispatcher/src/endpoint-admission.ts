import type { Logger } from "@valify/runtime";

import { admitPull } from "./admit-pull.ts";
import {
  createHealthBoard,
  type HealthBoard,
  type HealthSubject,
} from "./endpoint-health-board.ts";
import { claimProbes, noteSignals } from "./health-queries.ts";
import type { DispatcherDatabases } from "./open-databases.ts";

export interface EndpointAdmissionDeps {
  readonly databases: Pick<DispatcherDatabases, "db" | "claimDb">;
  readonly now: () => Date;
  readonly log: Logger;
  readonly onDisabled: () => void;
}

/** The health of endpoints as the dispatchers share it: one part decides, the other one learns. */
export function createEndpointAdmission({
  databases,
  now,
  log,
  onDisabled,
}: EndpointAdmissionDeps) {
  const { db, claimDb } = databases;
  const board: HealthBoard = createHealthBoard({
    write: (notes) => noteSignals(db, notes, now()),
    now,
    log,
    onDisabled,
  });
  const probing: Parameters<typeof admitPull>[0] = {
    board,
    claimProbes: (endpointIds, at, until) => claimProbes(claimDb, endpointIds, at, until),
    now,
  };
  return {
    board,
    admit: (endpoints: readonly HealthSubject[]) => admitPull(probing, endpoints),
  };
}
