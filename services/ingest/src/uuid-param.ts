import { z } from "zod";

/** Any text: an id of the wrong form names no endpoint, which is a 404 like any other. */
export const endpointParams = z.object({ endpoint_id: z.string() });

const Uuid = z.guid();

/** The text where it is a uuid. */
export function uuidOf(text: string): string | undefined {
  return Uuid.safeParse(text).data;
}
