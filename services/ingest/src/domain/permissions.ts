import type { Permission, Role } from "@valify/contracts/api";

const VIEWER: readonly Permission[] = [
  "batches:read",
  "deliveries:read",
  "endpoints:read",
  "rules:read",
  "usage:read",
  "operations:read",
];
const OPERATOR: readonly Permission[] = [...VIEWER, "batches:write", "deliveries:write"];
const ADMIN: readonly Permission[] = [
  ...OPERATOR,
  "endpoints:write",
  "rules:write",
  "usage:write",
  "audit:read",
  "audit:write",
  "access:read",
  "access:write",
  "erasures:read",
  "erasures:write",
  "operations:write",
];

const OF_ROLE: Readonly<Record<Role, ReadonlySet<Permission>>> = {
  viewer: new Set(VIEWER),
  operator: new Set(OPERATOR),
  admin: new Set(ADMIN),
};

/** The scope of a key that may do everything, whatever areas there will be. */
const ALL_SCOPES = "*";

export function permissionsOfRole(role: Role): ReadonlySet<Permission> {
  return OF_ROLE[role];
}

/** A scope that we do not know, as one of a later version, permits nothing. */
export function permissionsOfScopes(scopes: readonly string[]): ReadonlySet<Permission> {
  if (scopes.includes(ALL_SCOPES)) return OF_ROLE.admin;
  return new Set(ADMIN.filter((permission) => scopes.includes(permission)));
}
