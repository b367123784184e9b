import { randomUUID } from "node:crypto";

import { batchIdOfUuid, type BatchUploaded } from "@valify/contracts";

import { type Batch, batchOfEvent } from "../domain/batch.ts";

/** Missing servers fail a run; they never skip a test. */
export function requireEnv(name: "TEST_DATABASE_URL" | "TEST_NATS_SERVER_BIN"): string {
  // oxlint-disable-next-line node/no-process-env -- tests get their servers from the runner
  const value = process.env[name];
  if (value === undefined || value === "") throw new Error(`this test needs ${name}`);
  return value;
}

export const TEST_SECRET_KEY = "0123456789abcdef0123456789abcdef";

/** Three valid rows, two invalid ones, one that repeats another, two that cannot be read. */
export const MIXED_CSV = `first_name,last_name,dob
Zelka,Vlorena,15/03/1990
Zelki,Vlorena,31/02/1990
Zelkb
Zelko,Vlorena,16/03/1990
Zelka,Vlorena,15/03/1990
,Vlorena,17/03/1990
Zelku,Vlorena,18/03/1990
Zelke,"Vlorena,18/03/1990
`;
export const MIXED_ROWS = 8;
export const MIXED_COUNTS = { valid: 3, invalid: 3, skipped: 2 };

export function newBatchEvent(overrides: Partial<BatchUploaded> = {}): BatchUploaded {
  const batchUuid = randomUUID();
  return {
    batch_id: batchIdOfUuid(batchUuid),
    tenant_id: randomUUID(),
    object_key: `uploads/${batchUuid}.csv`,
    byte_count: Buffer.byteLength(MIXED_CSV),
    total_leads: MIXED_ROWS,
    as_of: "2026-11-22",
    webhook_delay_ms: 86_400_000,
    uploaded_at: "2026-11-22T10:00:00.000Z",
    ...overrides,
  };
}

export function newBatch(overrides: Partial<BatchUploaded> = {}): Batch {
  return batchOfEvent(newBatchEvent(overrides));
}
