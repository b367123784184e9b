import assert from "node:assert/strict";
import { test } from "node:test";

import { html } from "./html.ts";

test("escapes what is put in, in text and in attributes", () => {
  const name = `<img src=x onerror="a">&'`;
  assert.equal(
    html`<b title="${name}">${name}</b>`.markup,
    `<b title="&lt;img src=x onerror=&quot;a&quot;&gt;&amp;&#39;">` +
      "&lt;img src=x onerror=&quot;a&quot;&gt;&amp;&#39;</b>",
  );
});

test("takes its own pieces, lists of them, numbers and nothing as they are", () => {
  const items = ["<1>", "2"].map((item) => html`<i>${item}</i>`);
  assert.equal(html`<b>${items}</b>${null}${3}`.markup, "<b><i>&lt;1&gt;</i><i>2</i></b>3");
});
