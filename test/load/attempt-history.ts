import type { Pool } from "pg";

/** A month of attempts, four a delivery, a day apart, as an endpoint that is down leaves behind. */
export interface AttemptHistory {
  readonly rows: number;
  /** Of the deliveries that have a row of their own and can be asked for. */
  readonly deliveryIds: readonly string[];
}

const DAYS = 30;
const ATTEMPTS_PER_DELIVERY = 4;
/** Deliveries with a row of their own: a look-up costs the same however many there are. */
const LISTED = 10_000;
const SESSIONS = 2;

/** Fills the days up to today, some at a time; none is in the log, since nobody recovers them. */
export async function fillAttempts(db: Pool, deliveries: number): Promise<AttemptHistory> {
  const days = Array.from({ length: DAYS }, (_, day) => day);
  const fillSome = async () => {
    for (let day = days.pop(); day !== undefined; day = days.pop()) {
      await fillDay(db, day, Math.floor(deliveries / DAYS));
    }
  };
  await Promise.all(Array.from({ length: SESSIONS }, fillSome));
  await db.query("analyze delivery.attempts");
  const { rows } = await db.query<{ id: string }>(
    `insert into delivery.deliveries (delivery_id, lead_uuid, endpoint_id, tenant_id, batch_id,
       state, round, wake_kind, attempts, cycle_attempts, last_status_code, last_error_class)
     select md5('d' || k)::uuid, md5('l' || k)::uuid, e.endpoint_id, e.tenant_id,
       md5('b' || k % 100)::uuid, 'exhausted', 3, 1, $2, $2, 503, 'http_5xx'
     from generate_series(0, $1::int - 1) as k, (select * from ingest.endpoints limit 1) as e
     returning delivery_id as id`,
    [LISTED, ATTEMPTS_PER_DELIVERY],
  );
  const count = await db.query<{ count: string }>("select count(*) from delivery.attempts");
  return { rows: Number(count.rows[0]?.count), deliveryIds: rows.map(({ id }) => id) };
}

/** Without an index while it fills; sorted into one afterwards. Day 0 is the oldest. */
async function fillDay(db: Pool, day: number, perStart: number): Promise<void> {
  const fromMs = Math.floor(Date.now() / 86_400_000 - DAYS + 1 + day) * 86_400_000;
  const from = new Date(fromMs).toISOString();
  const to = new Date(fromMs + 86_400_000).toISOString();
  const leaf = `delivery.attempts_${from.slice(0, 10).replaceAll("-", "")}`;
  await db.query(
    `create unlogged table ${leaf} (like delivery.attempts including defaults including constraints)`,
  );
  await db.query(
    `insert into ${leaf} (delivery_id, attempt, round, kind, tenant_id, endpoint_id, due_at,
       started_at, duration_ms, outcome, status_code, response_body, request_headers,
       response_headers, response_truncated, remote_address, first_byte_ms)
     select md5('d' || j * $1 + (($2 - a + 1 + $1) % $1))::uuid, a, a - 1, least(a - 1, 1),
       e.tenant_id, e.endpoint_id, at, at, 12.5, 'http_5xx', 503, 'Service Unavailable',
       '{"content-type":"application/json","user-agent":"valify-batch/0.1.0","accept-encoding":"identity","webhook-id":"msg_0123456789abcdef0123456789abcdef","webhook-timestamp":"1764108000","webhook-signature":"[masked]"}',
       '{"server":"nginx","date":"Tue, 25 Nov 2026 22:00:00 GMT","content-type":"text/plain"}',
       false, '203.0.113.7', 11.5
     from generate_series(0, $3::int - 1) as j, generate_series(1, $4::int) as a,
       (select * from ingest.endpoints limit 1) as e,
       lateral (select $5::timestamptz + j * interval '200 milliseconds' as at) as instant`,
    [DAYS, day, perStart, ATTEMPTS_PER_DELIVERY, from],
  );
  await db.query(`alter table ${leaf} add primary key (delivery_id, attempt, started_at)`);
  await db.query(
    `alter table delivery.attempts attach partition ${leaf} for values from ('${from}') to ('${to}')`,
  );
}
