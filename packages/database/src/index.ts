export { arrayLiteral } from "./array-literal.ts";
export {
  booleanArray,
  byteaArray,
  instantArray,
  int2Array,
  int4Array,
  realArray,
  textArray,
} from "./binary-arrays.ts";
export {
  checkDatabase,
  type Connection,
  type ConnectionPool,
  createDatabase,
  createPool,
  type DatabaseOptions,
  type ServiceRole,
  waitingFor,
} from "./create-database.ts";
export { isDatabaseAway } from "./database-failure.ts";
export { createLeadHash, type LeadHash } from "./lead-hash.ts";
export { addToOutbox, type OutboxEntry, relayOutbox } from "./outbox.ts";
export { migrate } from "./migrate.ts";
export {
  type JobAge,
  type JobOutcome,
  type JobTurn,
  type PeriodicJobKey,
  readJobAges,
  runJobOnce,
} from "./periodic-jobs.ts";
export {
  ensurePartition,
  listPartitions,
  type Partition,
  type PartitionTable,
  retirePartition,
} from "./partitions.ts";
export type { DeliveryState, EndpointState, WaitReason } from "./schema-delivery.ts";
export type { JobSchema } from "./schema-periodic-jobs.ts";
export type { KeySchema } from "./schema-secret-key-check.ts";
export type { Database } from "./schema.ts";
export { confirmSecretKey } from "./secret-key-check.ts";
export { readScoped, type Scope } from "./scoped-reads.ts";
