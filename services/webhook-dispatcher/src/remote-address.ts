import type { Socket } from "node:net";

const behindProxy = new WeakMap<Socket, string>();

/** The other end of a tunnel, which the socket itself does not know: it only sees the proxy. */
export function noteRemoteAddress(tunnel: Socket, address: string): void {
  behindProxy.set(tunnel, address);
}

/** The address of the receiver, whatever stands before it. */
export function remoteAddressOf(socket: Socket): string | null {
  return behindProxy.get(socket) ?? socket.remoteAddress ?? null;
}
