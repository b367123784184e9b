/** The whole look of the admin page. No font, image or script is loaded from anywhere. */
export const ADMIN_STYLE = `
:root {
  color-scheme: light dark;
  --ink: #1c2330; --soft: #5b6576; --line: #d9dee7; --page: #f5f6f9; --card: #fff;
  --accent: #1d4ed8; --on-accent: #fff; --good: #166534; --bad: #b42318; --busy: #92400e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e7eaf0; --soft: #a3adbd; --line: #333c4b; --page: #12161d; --card: #1b212b;
    --accent: #8ab4ff; --on-accent: #0b1220; --good: #7ddf9b; --bad: #ff9d92; --busy: #f5c26b;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
}
header, main { max-width: 72rem; margin: 0 auto; padding: 1rem; }
header { display: flex; align-items: center; justify-content: space-between; gap: 1rem; }
h1 { font-size: 1.25rem; margin: 0; }
h2 { font-size: 1.05rem; margin: 0 0 .75rem; }
section {
  background: var(--card); border: 1px solid var(--line); border-radius: .75rem;
  padding: 1.25rem; margin-bottom: 1.25rem;
}
.narrow { max-width: 26rem; margin: 3rem auto; }
label { display: block; font-weight: 600; margin-bottom: .25rem; }
.hint { color: var(--soft); font-size: .9rem; margin: .25rem 0 .75rem; }
input:not([type="checkbox"]) {
  font: inherit; color: inherit; background: var(--page); width: 100%; max-width: 34rem;
  padding: .5rem .6rem; border: 1px solid var(--line); border-radius: .5rem;
}
button {
  font: inherit; font-weight: 600; min-height: 2.5rem; padding: .4rem 1rem; cursor: pointer;
  color: var(--on-accent); background: var(--accent); border: 0; border-radius: .5rem;
}
button.quiet {
  color: var(--ink); background: transparent; border: 1px solid var(--line);
  min-height: 2rem; padding: .2rem .7rem; font-weight: 400;
}
a { color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.notice { border-left: .3rem solid var(--good); }
.problem { border-left: .3rem solid var(--bad); }
.notice p, .problem p { margin: 0; }
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; }
caption { text-align: left; color: var(--soft); padding-bottom: .5rem; }
th, td { text-align: left; padding: .55rem .6rem; border-bottom: 1px solid var(--line); }
th { font-size: .85rem; color: var(--soft); }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
td small { display: block; color: var(--soft); font-family: ui-monospace, monospace; }
td form { display: inline; }
.completed { color: var(--good); } .failed { color: var(--bad); }
.pending, .processing { color: var(--busy); } .cancelled { color: var(--soft); }
`.trimStart();
