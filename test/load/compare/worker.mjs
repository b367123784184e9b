// One queue as its users would run it, tuned by its own manual, in a process of its own. Told by its
// parent how many jobs to store and when they are due; says when each is done and on record.
import { createQueue } from "./queues.mjs";
import { createPost } from "./signed-post.mjs";

const [, , kind, server, target] = process.argv;
const post = createPost(target);
const queue = await createQueue(kind, server, (job) => post(job));
process.on("disconnect", () => process.exit(0));
process.on("message", ({ count, dueInMs, spacingMs }) => {
  void store(count, dueInMs, spacingMs);
});
process.send({ kind: "ready" });

async function store(count, dueInMs, spacingMs) {
  const dueMs = Date.now() + dueInMs;
  const jobs = Array.from({ length: count }, (_, row) => ({ id: crypto.randomUUID(), row }));
  await queue.store(jobs, ({ row }) => new Date(dueMs + row * spacingMs));
  process.send({ kind: "stored", dueMs, storedMs: Date.now() });
  // Seldom enough to cost them nothing.
  const everyMs = spacingMs === 0 ? 50 : 500;
  while ((await queue.open()) > 0) await new Promise((resolve) => setTimeout(resolve, everyMs));
  process.send({ kind: "done", doneMs: Date.now() });
}
