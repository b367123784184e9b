import { z } from "zod";

const Uuid = z.guid();

/** The text where it is a uuid: an id of another form names nothing, which is a 404 like any other. */
export function uuidOf(text: string): string | undefined {
  return Uuid.safeParse(text).data;
}

/** For lists that page by id. */
export const pageQuery = z.strictObject({
  cursor: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});
