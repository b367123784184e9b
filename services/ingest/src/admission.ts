import type { AdmissionReason, AdmissionView } from "@valify/contracts/api";
import { type Health, type Logger, type Metrics, startPeriodic } from "@valify/runtime";

import { CLOSES_AT, closedReasons, REOPENS_AT } from "./domain/admission-gate.ts";
import { type MemoryUsage, readMemoryUsage } from "./memory-usage.ts";
import { type Failure, failures } from "./problem.ts";

export interface AdmissionDeps {
  readonly readMemory: () => Promise<MemoryUsage>;
  /** Checks `database` and `nats` among others. */
  readonly health: Health;
  readonly now: () => Date;
  readonly log: Logger;
  readonly metrics: Metrics;
}

export interface Admission {
  /** Looks again. Once a second is enough: what slips through is what there was room for. */
  refresh(): Promise<void>;
  /** Why an upload cannot be taken now; null where it can. */
  refusal(): Failure | null;
  view(): AdmissionView;
  memory(): MemoryUsage;
}

const REFRESH_MS = 1_000;
const memoryHigh: Failure = {
  status: 503,
  code: "MEMORY_HIGH",
  detail: "Too much is under way. Nothing was stored; try again",
  headers: { "retry-after": "10" },
};
const FAILURE_OF: Readonly<Record<AdmissionReason, Failure>> = {
  memory: memoryHigh,
  database: failures.databaseUnavailable,
  broker: failures.brokerUnavailable,
};

/** The gate before uploads. Work that is under way goes on, and everything else is answered. */
export async function createAdmission(deps: AdmissionDeps): Promise<Admission> {
  const { readMemory, health, now, log } = deps;
  const observe = observeAdmission(deps.metrics);
  let memory = await readMemory();
  let reasons: readonly AdmissionReason[] = [];
  let since = now();
  let brokerAwaySince: Date | undefined;

  async function refresh(): Promise<void> {
    memory = await readMemory();
    const { failing } = await health.report();
    const at = now();
    brokerAwaySince = failing.includes("nats") ? (brokerAwaySince ?? at) : undefined;
    const wasOpen = reasons.length === 0;
    const utilization = memory.usedBytes / memory.limitBytes;
    reasons = closedReasons(reasons, {
      utilization,
      isDatabaseAway: failing.includes("database"),
      brokerAwayMs: brokerAwaySince === undefined ? 0 : at.getTime() - brokerAwaySince.getTime(),
    });
    const isOpen = reasons.length === 0;
    observe.state(isOpen, utilization);
    if (isOpen === wasOpen) return;
    since = at;
    if (isOpen) log.info({ utilization }, "admission.opened");
    else log.warn({ reasons, utilization }, "admission.closed");
  }

  return {
    refresh,
    refusal() {
      const [reason] = reasons;
      if (reason === undefined) return null;
      observe.rejected(reason);
      return FAILURE_OF[reason];
    },
    view: () => ({
      open: reasons.length === 0,
      reasons: [...reasons],
      since: since.toISOString(),
      closes_at: CLOSES_AT,
      reopens_at: REOPENS_AT,
    }),
    memory: () => memory,
  };
}

/** Looks once a second until disposed. */
export async function startAdmission({
  memoryLimitBytes: limitBytes,
  ...deps
}: Omit<AdmissionDeps, "readMemory" | "now"> & {
  readonly memoryLimitBytes: number | undefined;
}): Promise<Admission & AsyncDisposable> {
  const admission = await createAdmission({
    ...deps,
    readMemory: () => readMemoryUsage({ limitBytes }),
    now: () => new Date(),
  });
  const every = { intervalMs: REFRESH_MS, event: "admission.refresh_failed", log: deps.log };
  const refreshing = startPeriodic(() => admission.refresh(), every);
  return { ...admission, [Symbol.asyncDispose]: () => refreshing[Symbol.asyncDispose]() };
}

function observeAdmission(metrics: Metrics) {
  const open = metrics.gauge("valify_admission_open", "1 while uploads are taken", []);
  const ratio = metrics.gauge("valify_memory_utilization_ratio", "Of the memory limit", []);
  const rejected = metrics.counter(
    "valify_admission_rejected_total",
    "Uploads refused before they were read, by why",
    ["reason"],
  );
  open.set(1);
  return {
    state(isOpen: boolean, utilization: number) {
      open.set(isOpen ? 1 : 0);
      ratio.set(utilization);
    },
    rejected: (reason: AdmissionReason) => rejected.inc({ reason }),
  };
}
