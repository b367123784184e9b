/** What a receiver may tell us by the response header `webhook-delivery`. */
export type ReceiverCommand = "abort-message" | "disable";

/** Null for anything we do not know: a header that says nothing to us changes nothing. */
export function receiverCommandOf(value: string | undefined): ReceiverCommand | null {
  const command = value?.trim().toLowerCase();
  return command === "abort-message" || command === "disable" ? command : null;
}
