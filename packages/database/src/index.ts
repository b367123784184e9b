export {
  checkDatabase,
  createDatabase,
  createPool,
  type DatabaseOptions,
  type ServiceRole,
} from "./create-database.ts";
export { addToOutbox, type OutboxEntry, relayOutbox } from "./outbox.ts";
export { migrate } from "./migrate.ts";
export { ensurePartition, type Partition } from "./partitions.ts";
export type { DeliveryState } from "./schema-delivery.ts";
export type { Database } from "./schema.ts";
