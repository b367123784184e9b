import { connect } from "node:net";

const PROTOCOL_3 = 196_608;
const ANSWER_MS = 2_000;
/** `cannot_connect_now`: the server is starting up, recovering or shutting down. */
const NOT_YET = "C57P03";

/**
 * Whether PostgreSQL on 127.0.0.1 takes logins. It asks as pg_isready does: a start-up packet,
 * answered by a request for the password (ready) or by an error, without ever logging in.
 */
export function isPostgresReady(port: number, user: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(port, "127.0.0.1", () => socket.write(startupPacket(user)));
  socket.setTimeout(ANSWER_MS, () => resolve(false));
  socket.once("error", () => resolve(false));
  socket.once("close", () => resolve(false));
  socket.once("data", (answer) => resolve(isReadyAnswer(answer)));
  return promise.finally(() => socket.destroy());
}

function isReadyAnswer(answer: Buffer): boolean {
  const kind = String.fromCharCode(answer[0] ?? 0);
  return kind === "R" || (kind === "E" && !answer.includes(NOT_YET));
}

function startupPacket(user: string): Buffer {
  const body = Buffer.from(`user\0${user}\0database\0postgres\0\0`);
  const packet = Buffer.alloc(8 + body.length);
  packet.writeInt32BE(packet.length, 0);
  packet.writeInt32BE(PROTOCOL_3, 4);
  body.copy(packet, 8);
  return packet;
}
