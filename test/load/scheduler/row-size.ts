import { print } from "../report.ts";
import { loadRows, TENANTS } from "./load-rows.ts";
import {
  createDatabase,
  createLeaves,
  createLogger,
  densifyLeaves,
  DUE_HOURS,
  leafOf,
} from "./scheduler-code.ts";
import { startSchedulerWorld } from "./world.ts";

const ROWS = 1_000_000;
const HOUR_MS = 3_600_000;

/** A leaf that comes in ten hours: as it was filled, and after the job that makes it dense. */
export async function measureRowSize(): Promise<void> {
  await using world = await startSchedulerWorld();
  const { name, from } = leafOf(DUE_HOURS, Date.now() + 10 * HOUR_MS);
  const load = { count: ROWS, startMs: from.getTime(), perSecond: 5_000, tenantIds: TENANTS };
  await loadRows(world.db, load);
  const bytes = async () => {
    const { rows } = await world.db.query<{ bytes: string }>(
      "select pg_total_relation_size($1::regclass) as bytes",
      [name],
    );
    return Number(rows[0]?.bytes) / ROWS;
  };
  print({ name: "scheduler.row_size.filled", value: await bytes(), unit: "B", bar: null });
  await using db = createDatabase({
    url: world.databaseUrl,
    role: "valify_scheduler",
    applicationName: "valify-load",
  });
  const log = createLogger("load", "error");
  const leaves = createLeaves(db, log);
  await leaves.refresh();
  const startMs = performance.now();
  await densifyLeaves({ db, leaves, log }, Date.now());
  const seconds = (performance.now() - startMs) / 1_000;
  print({ name: "scheduler.row_size.rebuild", value: seconds, unit: "s per million", bar: null });
  print({ name: "scheduler.row_size.waiting", value: await bytes(), unit: "B", bar: "<= 160" });
}
