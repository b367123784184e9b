import type { BatchView } from "@valify/contracts/api";

import { html, type Html } from "./domain/html.ts";

/** What the page says at its top about the request before. */
export type Notice =
  | { readonly kind: "done"; readonly text: string }
  | { readonly kind: "problem"; readonly text: string };

export interface BatchesPage {
  readonly batches: readonly BatchView[];
  readonly nextCursor: string | null;
  readonly notice: Notice | null;
  readonly fileBytesMax: number;
  readonly leadsMax: number;
  /** Whether it may reload itself while something is at work. */
  readonly isLive: boolean;
  /** Whether whoever looks may erase people. */
  readonly mayErase: boolean;
}

const REFRESH_SECONDS = 5;

/** `hasOidc`: there is an identity provider to sign in through. */
export function renderSignInPage(notice: Notice | null, hasOidc: boolean): string {
  return renderPage({
    title: "Sign in",
    refresh: null,
    header: null,
    body: html`<section class="narrow">
      <h2>Sign in</h2>
      ${renderNotice(notice)}
      <form method="post" action="/batch_admin/sign_in">
        <label for="email">E-mail</label>
        <input id="email" name="email" type="email" autocomplete="username" required autofocus />
        <label for="password">Password</label>
        <input
          id="password"
          name="password"
          type="password"
          autocomplete="current-password"
          required
        />
        <button type="submit">Sign in</button>
      </form>
      ${
        hasOidc
          ? html`<p><a href="/batch_admin/oidc/sign_in">Sign in with your organisation</a></p>`
          : null
      }
      <h2>Or with an API key</h2>
      <form method="post" action="/batch_admin/sign_in">
        <label for="api_key">API key</label>
        <input
          id="api_key"
          name="api_key"
          type="password"
          autocomplete="off"
          required
          aria-describedby="api_key_hint"
        />
        <p class="hint" id="api_key_hint">The same key that programs send to the API.</p>
        <button class="quiet" type="submit">Sign in with the key</button>
      </form>
    </section>`,
  });
}

/** An error of the admin page, with a way back. */
export function renderProblemPage(text: string): string {
  return renderPage({
    title: "Not done",
    refresh: null,
    header: null,
    body: html`<section class="narrow">
      ${renderNotice({ kind: "problem", text })}
      <p><a href="/batch_admin">Back to the batches</a></p>
    </section>`,
  });
}

export function renderBatchesPage(page: BatchesPage): string {
  const isBusy = page.batches.some(({ status }) => status === "pending" || status === "processing");
  return renderPage({
    title: "Batches",
    refresh: isBusy && page.isLive ? { seconds: REFRESH_SECONDS, url: "/batch_admin" } : null,
    header: html`${page.mayErase ? html`<a href="/batch_admin/erasures">Erasures</a>` : null}
      <form method="post" action="/batch_admin/sign_out">
        <button class="quiet" type="submit">Sign out</button>
      </form>`,
    body: html`${renderNotice(page.notice)} ${renderUploadForm(page)}
      <section>
        <h2>Batches</h2>
        ${isBusy ? renderRefreshLink(page.isLive) : null} ${renderTable(page.batches)}
        ${page.nextCursor === null ? null : renderNextLink(page.nextCursor)}
      </section>`,
  });
}

/** What the page says after an accepted upload. */
export function describeUpload(upload: {
  readonly totalLeads: number;
  readonly warnings: readonly { readonly message: string }[];
}): string {
  const { totalLeads: leads, warnings } = upload;
  const said = `Uploaded ${leads.toLocaleString("en-GB")} ${leads === 1 ? "lead" : "leads"}`;
  return [said, ...warnings.map(({ message }) => message)].map((text) => `${text}.`).join(" ");
}

export function renderPage(page: {
  readonly title: string;
  readonly refresh: { readonly seconds: number; readonly url: string } | null;
  readonly header: Html | null;
  readonly body: Html;
}): string {
  const refresh =
    page.refresh === null
      ? null
      : html`<meta
          http-equiv="refresh"
          content="${page.refresh.seconds};url=${page.refresh.url}"
        />`;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        ${refresh}
        <title>${page.title} · Valify Batch</title>
        <link rel="stylesheet" href="/batch_admin/style.css" />
      </head>
      <body>
        <header>
          <h1>Valify Batch</h1>
          ${page.header}
        </header>
        <main>${page.body}</main>
      </body>
    </html>`.markup;
}

export function renderNotice(notice: Notice | null): Html | null {
  if (notice === null) return null;
  return notice.kind === "done"
    ? html`<section class="notice" role="status"><p>${notice.text}</p></section>`
    : html`<section class="problem" role="alert"><p>${notice.text}</p></section>`;
}

function renderUploadForm({ fileBytesMax, leadsMax }: BatchesPage): Html {
  const megabytes = (fileBytesMax / 1024 / 1024).toLocaleString("en-GB");
  return html`<section>
    <h2>Upload leads</h2>
    <form method="post" action="/batch_admin/upload" enctype="multipart/form-data">
      <label for="file">CSV file</label>
      <input
        id="file"
        name="file"
        type="file"
        accept=".csv,text/csv"
        required
        aria-describedby="file_hint"
      />
      <p class="hint" id="file_hint">
        Columns first_name, last_name and dob (dd/mm/yyyy); up to
        ${leadsMax.toLocaleString("en-GB")} leads and ${megabytes} MB.
      </p>
      <label>
        <input type="checkbox" name="on_duplicate" value="allow" />
        Process it again if it was uploaded before
      </label>
      <button type="submit">Upload</button>
    </form>
  </section>`;
}

function renderRefreshLink(isLive: boolean): Html {
  return isLive
    ? html`<p class="hint">
        This page reloads every ${REFRESH_SECONDS} seconds while a batch is at work.
        <a href="/batch_admin?live=off">Stop reloading</a>
      </p>`
    : html`<p class="hint">
        <a href="/batch_admin">Show the newest state, and keep reloading</a>
      </p>`;
}

function renderNextLink(cursor: string): Html {
  return html`<p><a href="/batch_admin?cursor=${encodeURIComponent(cursor)}">Older batches</a></p>`;
}

function renderTable(batches: readonly BatchView[]): Html {
  if (batches.length === 0) return html`<p class="hint">Nothing is uploaded yet.</p>`;
  return html`<div class="scroll">
    <table>
      <caption>
        Newest first; times are UTC
      </caption>
      <thead>
        <tr>
          <th scope="col">File</th>
          <th scope="col">Uploaded</th>
          <th scope="col">Status</th>
          <th scope="col" class="number">Leads</th>
          <th scope="col" class="number">Done</th>
          <th scope="col" class="number">Valid</th>
          <th scope="col" class="number">Invalid</th>
          <th scope="col" class="number">Skipped</th>
          <th scope="col">Actions</th>
        </tr>
      </thead>
      <tbody>
        ${batches.map(renderRow)}
      </tbody>
    </table>
  </div>`;
}

function renderRow(batch: BatchView): Html {
  const { batch_id: id, status } = batch;
  return html`<tr>
    <td>${batch.filename}<small>${id}</small></td>
    <td><time datetime="${batch.created_at}">${formatTime(batch.created_at)}</time></td>
    <td>
      <span class="${status}">${status}</span>${batch.error && html`<small>${batch.error}</small>`}
    </td>
    <td class="number">${batch.total_leads}</td>
    <td class="number">${batch.processed_leads}</td>
    <td class="number">${batch.valid_leads}</td>
    <td class="number">${batch.invalid_leads}</td>
    <td class="number">${batch.skipped_rows}</td>
    <td>
      ${status === "completed" ? renderResultsLink(batch) : null}
      ${status === "failed" || status === "cancelled" ? null : renderCancelButton(batch)}
    </td>
  </tr>`;
}

function renderResultsLink({ batch_id: id, filename }: BatchView): Html {
  return html`<a href="/download_results/${id}" aria-label="Results of ${filename}">Results</a>`;
}

function renderCancelButton({ batch_id: id, filename, status }: BatchView): Html {
  const words = status === "completed" ? "Stop webhooks" : "Cancel";
  return html`<form method="post" action="/batch_admin/cancel/${id}">
    <button class="quiet" type="submit" aria-label="${words}: ${filename}">${words}</button>
  </form>`;
}

/** `2026-11-22 10:00:00`, in UTC as stored. */
function formatTime(instant: string): string {
  return instant.slice(0, 19).replace("T", " ");
}
