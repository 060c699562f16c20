// A battery: figures, states and plots follow the server's events.
import { all, element, json, one, refreshTimes, write } from "./common.js";
import { accelerated, count, measure, percent, span } from "./format.js";
import { CorrelationMap } from "./correlation.js";
import { Plots } from "./plots.js";
import { listen } from "./events.js";

const page = one("#battery");
const { name, path } = page.dataset;
const hasEstimator = page.dataset.version !== "";
const stateNames = all(".states tbody code").map((code) => code.textContent);
const map = one("#correlation") ? new CorrelationMap(one("#correlation"), one("#correlation-text")) : null;
let rows = Number(page.dataset.rows);

function sawRows(sequence) {
  if (sequence <= rows) return;
  rows = sequence;
  write(one("#rows"), count(sequence));
  const seen = one(".figures time");
  if (seen) {
    seen.dataset.unix = String(Date.now() / 1000);
    refreshTimes(page);
  }
}

/** Links to data are for what is seen. */
function linkRange(window) {
  for (const link of all("a[data-range]")) {
    const address = new URL(link.href);
    for (const [key, place] of [["start", 0], ["end", 1]]) {
      if (window) address.searchParams.set(key, String(window[place]));
      else address.searchParams.delete(key);
    }
    link.href = address.href;
  }
}

const plots = one("#plots") && window.Dygraph
  ? new Plots(one("#plots"), { path, stateNames, onMoved: linkRange, onNewest: sawRows })
  : null;

function show(status) {
  // What the page is made of has changed.
  if (page.dataset.version !== String(status.version)) return location.reload();
  for (const output of all("output[data-state]")) {
    const state = Number(output.dataset.state);
    write(output, measure(status.mean[state], Math.sqrt(status.covariance[state]?.[state])));
  }
  for (const output of all("output[data-share]")) {
    write(output, percent(status.mean[Number(output.dataset.share)] / Number(output.dataset.nominal)));
  }
  for (const output of all("output[data-count]")) write(output, count(status[output.dataset.count] ?? 0));
  write(one("#time"), span(status.latest_time));
  const phase = one("#phase");
  phase.dataset.phase = status.phase;
  write(phase, status.phase);
  one("#problem").hidden = !status.last_error;
  write(one("#last-error"), status.last_error ?? "");
  one("#checkpoint-problem").hidden = !status.checkpoint_problem;
  write(one("#checkpoint-problem output"), status.checkpoint_problem ?? "");
  const acceleration = accelerated(status.acceleration);
  one("#acceleration").hidden = !acceleration;
  write(one("#acceleration output"), acceleration);
  one("#disagreement").hidden = status.acceleration.disagreements === 0;
  write(one("#disagreement output"), acceleration);
  map?.show(status.state_names, status.covariance);
  plots?.update();
}

async function gone() {
  if ((await json("/db/stats"))[name]) return location.reload(); // It was the estimator alone.
  page.prepend(element("p", { className: "notice bad", role: "alert", text: "This battery was deleted." }));
}

/** Without an estimator there are no events: records are asked for. */
async function poll() {
  if (document.hidden) return;
  if (plots) return plots.update();
  const stats = (await json("/db/stats"))[name];
  if (stats?.has_data && rows === 0) location.reload();
}

listen({ names: [name], interval: 1, onStatus: show, onRemoved: gone });
if (!hasEstimator || rows === 0) setInterval(() => poll().catch(() => {}), 2000);

// What is loaded when it is opened

async function showLog() {
  const { entries, dropped } = await json(`/online/${path}/logs`);
  const lines = entries.map(({ time, version, text }) => `${new Date(1000 * time).toISOString().slice(0, 19)}  v${version}  ${text}`);
  if (dropped > 0) lines.unshift(`(${count(dropped)} bytes before are lost)`);
  write(one("#log"), lines.length > 0 ? lines.join("\n") : "The script has written nothing since the server started.");
}

async function showVersions() {
  const versions = await json(`/online/${path}/versions`);
  const items = versions.map((entry) => element("tr", {},
    element("th", { scope: "row", text: `${entry.version}${entry.current ? " (current)" : ""}` }),
    element("td", { text: entry.registered === null ? "–" : new Date(1000 * entry.registered).toISOString().slice(0, 19).replace("T", " ") }),
    element("td", { text: entry.estimator }),
    element("td", { text: entry.files.map((file) => file.name).join(", ") })));
  const head = element("tr", {}, ...["Version", "Registered (UTC)", "Class", "Files"].map((text) => element("th", { scope: "col", text })));
  one("#versions").replaceChildren(element("table", { className: "states" }, element("thead", {}, head), element("tbody", {}, ...items)));
}

for (const [selector, action, period] of [["#log", showLog, 3000], ["#versions", showVersions, 0]]) {
  const target = one(selector), details = target?.closest("details");
  const fill = () => action().catch((error) => write(target, error.message));
  details?.addEventListener("toggle", () => { if (details.open) fill(); });
  if (details && period) setInterval(() => { if (details.open && !document.hidden) fill(); }, period);
}
if (location.hash === "#logs") one("#logs details")?.setAttribute("open", "");
addEventListener("hashchange", () => { if (location.hash === "#logs") one("#logs details")?.setAttribute("open", ""); });
