import { jetstream } from "@nats-io/jetstream";
import { connect, headers } from "@nats-io/transport-node";

import type { StoredEvent } from "./event-reader.ts";

const MESSAGE_ID = "Nats-Msg-Id";

/** Stores the same event once more. Without its message id, so that the stream does not drop it. */
export async function publishAgain(
  natsUrl: string,
  subject: string,
  stored: StoredEvent<object>,
): Promise<void> {
  const connection = await connect({ servers: natsUrl });
  try {
    const copied = headers();
    for (const [name, value] of Object.entries(stored.headers)) {
      if (name !== MESSAGE_ID) copied.set(name, value);
    }
    await jetstream(connection).publish(subject, stored.rawBody, { headers: copied });
  } finally {
    await connection.close();
  }
}
