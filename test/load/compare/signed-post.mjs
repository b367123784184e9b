import { createHmac, randomBytes } from "node:crypto";

import { Pool } from "undici";

/** As many as our dispatcher has in `npm run load -- delivery`. */
const CONNECTIONS = 64;
const SECRET = randomBytes(32);

/** The request that our dispatcher makes: a body of a lead, signed as Standard Webhooks. */
export function createPost(target) {
  const { origin, pathname: path } = new URL(target);
  const pool = new Pool(origin, { connections: CONNECTIONS });
  return async function post({ id, row }) {
    const body = JSON.stringify({
      id: "ada.quillfeather.15031990",
      first_name: "Ada",
      last_name: "Quillfeather",
      dob: "15/03/1990",
      validation_status: "valid",
      validation_timestamp: "2024-01-15T10:30:00.000Z",
      batch_id: "batch_01m80nrekaf7cthw4ab7kgfnsg",
      webhook_scheduled_for: "2024-01-16T10:30:00.000Z",
      lead_uuid: id,
      row: row + 1,
      errors: [],
      warnings: [],
    });
    const webhookId = `msg_${id.replaceAll("-", "")}`;
    const timestamp = String(Math.floor(Date.now() / 1_000));
    const signed = `${webhookId}.${timestamp}.${body}`;
    const headers = {
      "content-type": "application/json",
      "webhook-id": webhookId,
      "webhook-timestamp": timestamp,
      "webhook-signature": `v1,${createHmac("sha256", SECRET).update(signed).digest("base64")}`,
    };
    const answer = await pool.request({ path, method: "POST", headers, body });
    await answer.body.dump();
    if (answer.statusCode !== 204) throw new Error(`answered ${answer.statusCode}`);
  };
}
