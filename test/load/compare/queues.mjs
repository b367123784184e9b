import { Queue, Worker } from "bullmq";
import { Logger, run } from "graphile-worker";
import { Redis } from "ioredis";
import { Pool } from "pg";
import { PgBoss } from "pg-boss";

const AT_ONCE = 64;
const BATCH = 500;
const NAME = "post";

/** `store`: jobs, each due at its instant; `open`: how many are not done and recorded as done. */
export function createQueue(kind, server, work) {
  return { "graphile-worker": graphile, "pg-boss": pgBoss, bullmq }[kind](server, work);
}

async function graphile(connectionString, work) {
  const pool = new Pool({ connectionString });
  const preset = {
    worker: {
      connectionString,
      concurrentJobs: AT_ONCE,
      pollInterval: 100,
      localQueue: { size: BATCH },
      completeJobBatchDelay: 0,
      // A line for each job would cost more than the job.
      logger: new Logger(() => () => {}),
    },
  };
  await run({ preset, taskList: { [NAME]: work }, noHandleSignals: true });
  return {
    async store(jobs, dueOf) {
      const specs = jobs.map((payload) => ({ identifier: NAME, payload, run_at: dueOf(payload) }));
      await pool.query(
        `select count(*) from graphile_worker.add_jobs(array(select s from
           json_populate_recordset(null::graphile_worker.job_spec, $1) as s))`,
        [JSON.stringify(specs)],
      );
    },
    open: () => countOf(pool, "select count(*) from graphile_worker._private_jobs"),
  };
}

async function pgBoss(connectionString, work) {
  const pool = new Pool({ connectionString });
  const boss = new PgBoss({ connectionString, schedule: false });
  await boss.start();
  await boss.createQueue(NAME);
  const options = {
    batchSize: BATCH,
    pollingIntervalSeconds: 0.5,
    burstWhenBatchFull: true,
    localConcurrency: 2,
  };
  await boss.work(NAME, options, (jobs) => Promise.all(jobs.map(({ data }) => work(data))));
  return {
    store: (jobs, dueOf) =>
      boss.insert(
        NAME,
        jobs.map((data) => ({ data, startAfter: dueOf(data) })),
      ),
    open: () => countOf(pool, "select count(*) from pgboss.job where state < 'completed'"),
  };
}

async function bullmq(url, work) {
  const connection = new Redis(url, { maxRetriesPerRequest: null });
  const queue = new Queue(NAME, { connection });
  const worker = new Worker(NAME, ({ data }) => work(data), {
    connection,
    concurrency: AT_ONCE,
    removeOnComplete: { count: 0 },
  });
  await worker.waitUntilReady();
  return {
    store: (jobs, dueOf) =>
      queue.addBulk(
        jobs.map((data) => ({
          name: NAME,
          data,
          opts: { delay: dueOf(data).getTime() - Date.now() },
        })),
      ),
    async open() {
      const { wait = 0, active = 0, delayed = 0 } = await queue.getJobCounts();
      return wait + active + delayed;
    },
  };
}

async function countOf(pool, query) {
  const { rows } = await pool.query(query);
  return Number(rows[0].count);
}
