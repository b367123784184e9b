// The one door to the scheduler's own code: what is timed is the very statement that it sends. A
// service is nobody's dependency, so `turbo boundaries` has to be told that these imports are meant.

// @boundaries-ignore a load test times the very statement of the service
export { createDatabase, createPool } from "../../../packages/database/src/index.ts";
// @boundaries-ignore the service's own code wants the service's own logger
export { createLogger } from "../../../packages/runtime/src/index.ts";
// @boundaries-ignore a load test times the very statement of the service
export { CLAIM_SETTINGS, claimStatement } from "../../../services/scheduler/src/claim-statement.ts";
// @boundaries-ignore the rebuilding of an index is a job of the service
export { densifyLeaves } from "../../../services/scheduler/src/dense-leaves.ts";
// @boundaries-ignore and so is the list of leaves it works on
export { createLeaves } from "../../../services/scheduler/src/leaves.ts";
// @boundaries-ignore the lane of a row is the scheduler's to say
export { laneOf } from "../../../services/scheduler/src/domain/lane.ts";
// @boundaries-ignore and so is its leaf
export { DUE_HOURS, leafOf } from "../../../services/scheduler/src/domain/leaf.ts";
// @boundaries-ignore a load test times the very statement of the service
export { insertDueRows, type NewDueRow } from "../../../services/scheduler/src/due-queries.ts";
