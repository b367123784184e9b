// The one door to deploy/local: `npm start` and these tests run the same servers in the same way.
// It is no package, so `turbo boundaries` has to be told that these imports are meant.

// @boundaries-ignore the launcher's own folder is no package
export { SERVICE_NODE_FLAGS } from "../../deploy/local/node-flags.ts";
// @boundaries-ignore the launcher's own folder is no package
export { startNats } from "../../deploy/local/nats.ts";
// @boundaries-ignore the launcher's own folder is no package
export { ensureNatsServer } from "../../deploy/local/nats-binary.ts";
// @boundaries-ignore the launcher's own folder is no package
export { freePort } from "../../deploy/local/ports.ts";
// @boundaries-ignore the launcher's own folder is no package
export { startPostgres } from "../../deploy/local/postgres.ts";
// @boundaries-ignore the launcher's own folder is no package
export { type Child, startChild, type StopStep } from "../../deploy/local/processes.ts";
