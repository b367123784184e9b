import type { HealthBoard, HealthSubject } from "./endpoint-health-board.ts";

/** Why a delivery does not go out now. `notBefore` null: until somebody activates the endpoint. */
export interface Hold {
  readonly reason: "paused" | "disabled" | "open" | "throttled";
  readonly notBefore: Date | null;
}

/** What is decided for one delivery. */
export interface PullAdmission {
  readonly isProbe: boolean;
  readonly hold: Hold | null;
}

export interface AdmitPullDeps {
  readonly board: Pick<HealthBoard, "admit">;
  /** Returns those that are ours to probe. */
  readonly claimProbes: (
    endpointIds: readonly string[],
    now: Date,
    until: Date,
  ) => Promise<ReadonlySet<string>>;
  readonly now: () => Date;
}

const SEND: PullAdmission = { isProbe: false, hold: null };
const PROBE: PullAdmission = { isProbe: true, hold: null };
/** Longer than a probe can take; after it, whoever had the probe is dead. */
const PROBE_LEASE_MS = 45_000;
/** While somebody probes: its answer is near, and so is the decision. */
const PROBE_WAIT_MS = 5_000;

/**
 * Looks at each endpoint of a pull once, and claims the probes that are due with one statement, if
 * there are any. The returned function is asked for each delivery in turn: of those for an endpoint
 * that is being probed, the first one goes out and the others wait for what it finds.
 */
export async function admitPull(
  { board, claimProbes, now }: AdmitPullDeps,
  endpoints: readonly HealthSubject[],
): Promise<(endpoint: HealthSubject) => PullAdmission> {
  const admissions = new Map(endpoints.map((endpoint) => [endpoint, board.admit(endpoint)]));
  const due = endpoints.filter((endpoint) => admissions.get(endpoint)?.kind === "probe");
  const instant = now();
  const until = new Date(instant.getTime() + PROBE_LEASE_MS);
  const dueIds = due.map(({ endpointId }) => endpointId);
  const probes = new Set(dueIds.length === 0 ? [] : await claimProbes(dueIds, instant, until));
  const soon = new Date(instant.getTime() + PROBE_WAIT_MS);

  return function admissionOf(endpoint) {
    const admission = admissions.get(endpoint);
    if (admission === undefined || admission.kind === "send") return SEND;
    if (admission.kind === "hold") return { isProbe: false, hold: admission };
    if (probes.delete(endpoint.endpointId)) return PROBE;
    return { isProbe: false, hold: { reason: "open", notBefore: soon } };
  };
}

/** The same question just before a request, for a delivery that has waited since its pull. */
export function holdNow(
  board: Pick<HealthBoard, "admit">,
  endpoint: HealthSubject,
  now: Date,
): Hold | null {
  const admission = board.admit(endpoint);
  if (admission.kind === "send") return null;
  if (admission.kind === "hold") return admission;
  return { reason: "open", notBefore: new Date(now.getTime() + PROBE_WAIT_MS) };
}
