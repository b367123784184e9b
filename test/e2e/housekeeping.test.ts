import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdir, readdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { startStack } from "../support/stack.ts";

const JOBS: Readonly<Record<string, readonly string[]>> = {
  ingest: ["expired_sessions", "expired_uploads", "orphaned_objects"],
  validator: ["expired_leads"],
  scheduler: ["due_leaves", "ledger_leaves"],
  "webhook-dispatcher": ["absent_replicas", "expired_attempts"],
};

// Goal: every service cleans up after itself without being asked, and shows it.
// Method: the metrics of a fresh system; then something to clean, and the last run made older.
test("each service runs its housekeeping, and an hour later again", async () => {
  await using stack = await startStack();
  for (const service of stack.processes) {
    const metricsUrl = `http://127.0.0.1:${service.port}/metrics`;
    const jobs = JOBS[service.name] ?? [];
    await stack.waitFor(
      async () => {
        const page = await (await fetch(metricsUrl)).text();
        return jobs.every((job) =>
          new RegExp(
            `valify_job_runs_total\\{periodic_job="${job}",outcome="succeeded"\\} [1-9]`,
          ).test(page),
        );
      },
      `${service.name} has run ${jobs.join(", ")}`,
    );
  }

  // An upload that died between its object and its batch, two days ago.
  const folder = join(stack.objectStorePath, "uploads", randomUUID());
  await mkdir(folder, { recursive: true });
  const orphan = join(folder, `${randomUUID()}.csv`);
  await writeFile(orphan, "first_name,last_name,dob\n");
  const twoDaysAgo = new Date(Date.now() - 2 * 86_400_000);
  await utimes(orphan, twoDaysAgo, twoDaysAgo);
  await stack.services.ingest.restart();
  assert.equal((await readdir(folder)).length, 1, "not within the hour, whoever restarts");

  await stack.db.query(
    "update ingest.periodic_jobs set started_at = started_at - interval '61 minutes'",
  );
  await stack.services.ingest.restart();
  await stack.waitFor(async () => (await readdir(folder)).length === 0, "the orphan is deleted");
});
