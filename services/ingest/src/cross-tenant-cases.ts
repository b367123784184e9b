/** What another tenant may try on a route, and what it is answered. */
export interface Case {
  readonly expected: number;
  readonly payload?: object;
  /** Sent as it is; else JSON. */
  readonly form?: boolean;
}

const HIDDEN: Case = { expected: 404 };
/** Of the caller's own tenant alone, so it has nothing of ours to name. */
const OWN: Case = { expected: 200 };

/** Every route of the API, with the ids of somebody else's things for its parameters. */
export const CASES: Readonly<Record<string, Case>> = {
  "GET /health": OWN,
  "GET /health/live": OWN,
  "GET /health/ready": OWN,
  "GET /metrics": OWN,
  "GET /me": OWN,
  "GET /tenant": OWN,
  "GET /usage": OWN,
  "GET /users": OWN,
  "GET /sessions": OWN,
  "GET /api_keys": OWN,
  "GET /audit_log": OWN,
  "GET /audit_log/verification": OWN,
  "GET /batches": OWN,
  "GET /endpoints": OWN,
  "GET /deliveries": OWN,
  "GET /rule_profile": OWN,
  "GET /rule_profile/history": OWN,
  "GET /template.csv": OWN,
  "GET /memory_stats": OWN,
  "GET /worker_stats": OWN,
  "GET /replays": OWN,
  "POST /replays": { expected: 202, payload: { from: "2026-01-01T00:00:00Z" } },
  "GET /replays/{replay_id}": HIDDEN,
  "POST /replays/{replay_id}/cancel": HIDDEN,
  "GET /erasures": OWN,
  "POST /erasures": {
    ...HIDDEN,
    payload: { lead_uuid: "{lead_uuid}", confirm: ["{lead_uuid}"] },
  },
  "GET /erasures/{erasure_id}": HIDDEN,
  "POST /erasure_replays": { expected: 202 },
  "GET /tenants": { expected: 403 },
  "POST /tenants": { expected: 403, payload: { name: "x" } },
  "GET /tenants/{tenant_id}": { expected: 403 },
  "PATCH /tenants/{tenant_id}": { expected: 403, payload: { name: "taken over" } },
  "PUT /me/password": {
    expected: 403,
    payload: { current_password: "x", new_password: "a long enough password" },
  },
  "POST /sessions": { expected: 401, payload: { email: "ours@example.com", password: "x" } },
  "DELETE /sessions/{session_id}": HIDDEN,
  "POST /users": { expected: 409, payload: { email: "ours@example.com", role: "viewer" } },
  "GET /users/{user_id}": HIDDEN,
  "PATCH /users/{user_id}": { ...HIDDEN, payload: { role: "viewer" } },
  "DELETE /users/{user_id}": HIDDEN,
  "POST /api_keys": { expected: 201, payload: { name: "x", scopes: ["batches:read"] } },
  "DELETE /api_keys/{api_key_id}": HIDDEN,
  "POST /upload_batch": { expected: 202, form: true },
  "GET /batch_status/{batch_id}": HIDDEN,
  "GET /batch_events/{batch_id}": HIDDEN,
  "GET /batches/{batch_id}/findings": HIDDEN,
  "POST /batches/{batch_id}/cancel": HIDDEN,
  "GET /download_results/{batch_id}": HIDDEN,
  "GET /webhook_status/{batch_id}": HIDDEN,
  "POST /webhook_retry/{batch_id}": HIDDEN,
  "PUT /rule_profile": { ...OWN, payload: {} },
  "POST /endpoints": { expected: 201, payload: { url: "https://hooks.example.com/theirs" } },
  "GET /endpoints/{endpoint_id}": HIDDEN,
  "GET /endpoints/{endpoint_id}/health": HIDDEN,
  "PATCH /endpoints/{endpoint_id}": { ...HIDDEN, payload: { description: "taken over" } },
  "DELETE /endpoints/{endpoint_id}": HIDDEN,
  "POST /endpoints/{endpoint_id}/rotate_secret": { ...HIDDEN, payload: {} },
  "POST /endpoints/{endpoint_id}/test": HIDDEN,
  "GET /deliveries/{delivery_id}": HIDDEN,
  "POST /deliveries/{delivery_id}/resend": HIDDEN,
  "POST /deliveries/{delivery_id}/cancel": HIDDEN,
};

/** Those for people. */
export const PAGES = ["/batch_admin", "/batch_admin/cancel/{batch_id}", "/batch_admin/upload"];
