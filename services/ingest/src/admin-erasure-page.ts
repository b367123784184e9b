import type { ErasurePreview, ErasureView } from "@valify/contracts/api";

import { renderNotice, renderPage } from "./admin-page.ts";
import { html, type Html } from "./domain/html.ts";

const REFRESH_SECONDS = 5;

/** The form to look a person up, and the erasures of late. No name is ever on it. */
export function renderErasuresPage(erasures: readonly ErasureView[]): string {
  const isBusy = erasures.some(({ status }) => status === "running");
  return renderPage({
    title: "Erasures",
    refresh: isBusy ? { seconds: REFRESH_SECONDS, url: "/batch_admin/erasures" } : null,
    header: BACK,
    body: html`<section>
        <h2>Erase a person</h2>
        <form method="post" action="/batch_admin/erasures">
          <label for="lead_id">Lead id</label>
          <input
            id="lead_id"
            name="lead_id"
            autocomplete="off"
            spellcheck="false"
            required
            aria-describedby="lead_id_hint"
          />
          <p class="hint" id="lead_id_hint">
            As in results and webhooks: first.last.ddmmyyyy. You see what is held before anything is
            erased.
          </p>
          <button type="submit">Look up</button>
        </form>
      </section>
      <section>
        <h2>Erasures</h2>
        ${erasures.length === 0 ? html`<p class="hint">None yet.</p>` : renderErasures(erasures)}
      </section>`,
  });
}

/** What is held, masked; each row to be chosen, since they may be different people's. */
export function renderErasurePreview(leadId: string, preview: ErasurePreview): string {
  const { matches, unfinished_batches: unfinished, is_suppressed: isRefused } = preview;
  return renderPage({
    title: "Erase a person",
    refresh: null,
    header: BACK,
    body: html`${unfinished === 0 ? null : renderNotice({ kind: "problem", text: stillAtWork(unfinished) })}
      ${isRefused ? renderNotice({ kind: "done", text: "Uploads of this person are refused." }) : null}
      <section>
        <h2>What is held</h2>
        <form method="post" action="/batch_admin/erasures/confirm">
          <input type="hidden" name="lead_id" value="${leadId}" />
          ${matches.length === 0 ? NOTHING_HELD : renderMatches(matches)}
          <p class="hint">
            Rows, results, uploaded files, stored answers and messages are erased for good, and
            uploads of this person are refused from now on. What was sent is with those who received
            it.
          </p>
          <button type="submit">
            ${matches.length === 0 ? "Refuse this person" : "Erase the rows that are chosen"}
          </button>
        </form>
      </section>`,
  });
}

const BACK = html`<a href="/batch_admin">Batches</a>`;
const NOTHING_HELD = html`<p>Nothing is held under this lead id.</p>`;

function stillAtWork(count: number): string {
  const batches = count === 1 ? "1 batch is" : `${count} batches are`;
  return `${batches} still at work, and may hold this person too: look again when that has ended.`;
}

function renderErasures(erasures: readonly ErasureView[]): Html {
  return html`<div class="scroll">
    <table>
      <caption>
        Newest first; times are UTC
      </caption>
      <thead>
        <tr>
          <th scope="col">Erasure</th>
          <th scope="col">Asked</th>
          <th scope="col" class="number">Rows</th>
          <th scope="col">Status</th>
        </tr>
      </thead>
      <tbody>
        ${erasures.map(
          (erasure) =>
            html`<tr>
              <td><small>${erasure.erasure_id}</small></td>
              <td>${formatTime(erasure.requested_at)}</td>
              <td class="number">${erasure.leads.length}</td>
              <td>
                <span class="${erasure.status === "running" ? "processing" : "completed"}"
                  >${erasure.status}</span
                >
              </td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

function renderMatches(matches: ErasurePreview["matches"]): Html {
  return html`<div class="scroll">
    <table>
      <caption>
        Choose the rows that are this person's
      </caption>
      <thead>
        <tr>
          <th scope="col">Erase</th>
          <th scope="col">Name</th>
          <th scope="col">Born</th>
          <th scope="col">File and row</th>
          <th scope="col">Matched by</th>
          <th scope="col" class="number">Sent</th>
          <th scope="col" class="number">Pending</th>
        </tr>
      </thead>
      <tbody>
        ${matches.map(renderMatch)}
      </tbody>
    </table>
  </div>`;
}

function renderMatch(match: ErasurePreview["matches"][number]): Html {
  const { lead_uuid: uuid, filename, row, batch_id: batchId, held } = match;
  return html`<tr>
    <td>
      <input
        type="checkbox"
        name="confirm"
        value="${uuid}"
        aria-label="Erase row ${row} of ${filename}"
      />
    </td>
    <td>${match.masked_first_name} ${match.masked_last_name}</td>
    <td>${match.masked_dob ?? "unread"}</td>
    <td>${filename}, row ${row}<small>${batchId}</small></td>
    <td>${match.matched_by === "lead_id" ? "lead id" : "name alone"}</td>
    <td class="number">${held.deliveries_sent}</td>
    <td class="number">${held.deliveries_pending}</td>
  </tr>`;
}

/** `2026-11-22 10:00:00`, in UTC as stored. */
function formatTime(instant: string): string {
  return instant.slice(0, 19).replace("T", " ");
}
