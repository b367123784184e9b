import { z } from "zod";

/** What a role or an API key may do: an area of the API, to read it or to change it. */
export const Permission = z.templateLiteral([
  z.enum([
    "batches",
    "deliveries",
    "endpoints",
    "rules",
    "usage",
    "audit",
    "access",
    "erasures",
    "operations",
  ]),
  ":",
  z.enum(["read", "write"]),
]);
export type Permission = z.infer<typeof Permission>;

/** Of a person. A viewer looks, an operator works, an admin decides. */
export const Role = z.enum(["admin", "operator", "viewer"]);
export type Role = z.infer<typeof Role>;
