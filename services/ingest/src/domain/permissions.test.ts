import assert from "node:assert/strict";
import { test } from "node:test";

import { permissionsOfRole, permissionsOfScopes } from "./permissions.ts";

test("a viewer changes nothing and sees neither people, keys nor the audit log", () => {
  const viewer = [...permissionsOfRole("viewer")];
  assert.ok(viewer.every((permission) => permission.endsWith(":read")));
  assert.ok(!viewer.includes("access:read"));
  assert.ok(!viewer.includes("audit:read"));
});

test("an operator may also work on batches and deliveries, nothing more", () => {
  const viewer = permissionsOfRole("viewer");
  const more = [...permissionsOfRole("operator")].filter((permission) => !viewer.has(permission));
  assert.deepEqual(more, ["batches:write", "deliveries:write"]);
});

test("an admin may do everything in every area", () => {
  const areas = "batches deliveries endpoints rules usage audit access erasures operations".split(
    " ",
  );
  const everything = areas.flatMap((area) => [`${area}:read`, `${area}:write`]);
  assert.deepEqual([...permissionsOfRole("admin")].toSorted(), everything.toSorted());
});

test("a key may do what its scopes say, all of it with the star, nothing by an unknown one", () => {
  assert.deepEqual([...permissionsOfScopes(["batches:read"])], ["batches:read"]);
  assert.deepEqual(permissionsOfScopes(["*"]), permissionsOfRole("admin"));
  assert.equal(permissionsOfScopes(["batches", "planets:write", ""]).size, 0);
});
