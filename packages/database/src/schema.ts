import type { DeliveryTables } from "./schema-delivery.ts";
import type { IngestTables } from "./schema-ingest.ts";
import type { PeriodicJobTables } from "./schema-periodic-jobs.ts";
import type { SchedulingTables } from "./schema-scheduling.ts";
import type { SecretKeyCheckTables } from "./schema-secret-key-check.ts";
import type { ValidationTables } from "./schema-validation.ts";

/** Every table as it is in Postgres, snake_case. Who may write which: the GRANTs in migrations/. */
export interface Database
  extends
    IngestTables,
    ValidationTables,
    SchedulingTables,
    DeliveryTables,
    PeriodicJobTables,
    SecretKeyCheckTables {}
