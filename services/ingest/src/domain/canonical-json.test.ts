import assert from "node:assert/strict";
import { test } from "node:test";

import { canonicalJson } from "./canonical-json.ts";

test("the order of names makes no difference, at any depth; the order of a list does", () => {
  const one = { b: 1, a: { d: [1, { y: null, x: "é" }], c: true } };
  const other = { a: { c: true, d: [1, { x: "é", y: null }] }, b: 1 };
  assert.equal(canonicalJson(one), canonicalJson(other));
  assert.equal(canonicalJson(one), '{"a":{"c":true,"d":[1,{"x":"é","y":null}]},"b":1}');
  assert.notEqual(canonicalJson([1, 2]), canonicalJson([2, 1]));
  assert.notEqual(canonicalJson({ a: "1" }), canonicalJson({ a: 1 }));
});

test("what is left out is as what is undefined", () => {
  assert.equal(canonicalJson({ a: undefined }), canonicalJson({}));
});
