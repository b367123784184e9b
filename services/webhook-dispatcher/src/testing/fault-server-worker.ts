import { parentPort } from "node:worker_threads";

import { startFaultServer } from "./fault-server.ts";

// A fault server in a thread of its own, so that what it allocates is not ours. Says its address;
// ends with the thread.
const server = await startFaultServer();
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
parentPort?.postMessage(new URL(server.url("ok")).origin);
