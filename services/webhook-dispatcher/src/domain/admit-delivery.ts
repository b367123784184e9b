import type { EndpointHealth } from "./endpoint-health.ts";

/** An endpoint as its owner set it. */
export interface AdminSide {
  readonly status: "active" | "paused" | "disabled";
  /** Outdates whatever happened to it before. */
  readonly activatedAt: Date;
}

/** `notBefore` null: until somebody makes the endpoint active again. */
export type Admission =
  | { readonly kind: "send" }
  /** Open, and its time has come: one delivery may go out and see. */
  | { readonly kind: "probe" }
  | {
      readonly kind: "hold";
      readonly reason: "paused" | "disabled" | "open" | "throttled";
      readonly notBefore: Date | null;
    };

const SEND: Admission = { kind: "send" };

/** May a delivery go out to this endpoint now? Undefined health: nothing has ever failed. */
export function admitDelivery(
  admin: AdminSide,
  health: EndpointHealth | undefined,
  now: Date,
): Admission {
  if (admin.status !== "active") return { kind: "hold", reason: "paused", notBefore: null };
  if (health === undefined) return SEND;
  const { state, probeAt, pausedUntil } = health;
  if (state === "disabled") return { kind: "hold", reason: "disabled", notBefore: null };
  if (pausedUntil !== null && pausedUntil > now) {
    return { kind: "hold", reason: "throttled", notBefore: pausedUntil };
  }
  if (state !== "open") return SEND;
  if (probeAt === null || probeAt <= now) return { kind: "probe" };
  return { kind: "hold", reason: "open", notBefore: probeAt };
}

/** What is left of a stored health once its owner has activated the endpoint after it. */
export function sinceActivation(
  health: EndpointHealth | undefined,
  activatedAt: Date,
  updatedAt: Date,
): EndpointHealth | undefined {
  const since = health?.disabledAt ?? updatedAt;
  return activatedAt >= since ? undefined : health;
}
