// The fleet: rows come from the server, and estimates between that from its events.
import { List, all, element, one, refreshTimes, write } from "./common.js";
import { count, measure } from "./format.js";
import { listen } from "./events.js";

const PERIOD = 5000, PERIOD_OF_MANY = 15000, MANY = 200;

const table = one("#fleet");
const list = new List(table, (row, name) => {
  if (name === "name" || name === "phase") return row.dataset[name];
  return row.dataset[name] === "" ? null : Number(row.dataset[name]);
});

const rows = () => new Map([...list.body.rows].map((row) => [row.dataset.name, row]));
let known = rows();

/** Takes over the rows that the server makes; those that are as they were stay. */
async function refresh() {
  if (document.hidden) return;
  const answer = await fetch("/", { headers: { Accept: "text/html" } });
  if (!answer.ok || answer.redirected) return location.reload();
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const isEmpty = one("#empty", page) !== null;
  // The explanation for an empty fleet and the list for a full one are the server's.
  if (isEmpty !== (one("#empty") !== null)) return location.reload();
  refreshTimes(page);
  const kept = new Set();
  for (const row of all("#fleet tbody tr", page)) {
    kept.add(row.dataset.name);
    const old = known.get(row.dataset.name);
    if (!old) list.body.append(document.adoptNode(row));
    else if (old.innerHTML !== row.innerHTML && !old.contains(document.activeElement)) old.replaceWith(document.adoptNode(row));
    else if (old.innerHTML !== row.innerHTML) adopt(old, row);
  }
  for (const [name, row] of known) if (!kept.has(name)) row.remove();
  known = rows();
  write(one("#count"), one("#count", page)?.textContent ?? "");
  list.apply();
}

/** Changes the cells of a row whose link has the focus, which must not get lost. */
function adopt(old, row) {
  Object.assign(old.dataset, row.dataset);
  [...old.cells].forEach((cell, place) => {
    if (place > 0 && cell.innerHTML !== row.cells[place]?.innerHTML) cell.replaceWith(document.adoptNode(row.cells[place].cloneNode(true)));
  });
}

let refreshing = Promise.resolve(), timer = null;

function schedule(delay) {
  clearTimeout(timer);
  timer = setTimeout(() => {
    refreshing = refreshing.then(refresh).catch(() => {}).finally(() => schedule(known.size > MANY ? PERIOD_OF_MANY : PERIOD));
  }, delay);
}

/** As the server's BatteryFacts has it. */
function warnings(status) {
  const found = [];
  if (status.phase === "parked") found.push("parked: its script ends again and again");
  if (status.phase === "unavailable") found.push("its plugin cannot run here");
  const { missing_value: missing, late } = status.skipped_because;
  const skipped = missing + late, half = Math.floor((status.stepped + status.failed + skipped) / 2);
  if (status.failed > half) found.push(`most steps fail: ${count(status.failed)}`);
  else if (status.failed > 0) found.push(`${count(status.failed)} failed step${status.failed === 1 ? "" : "s"}`);
  if (skipped > half) found.push(`most records are skipped: ${missing >= late ? "values are missing" : "older than those before"}`);
  if (status.restarts > 0) found.push(`${status.restarts} restart${status.restarts === 1 ? "" : "s"}`);
  if (status.checkpoint_problem) found.push("checkpoint missed");
  if (status.acceleration.disagreements > 0) found.push("an accelerated step differed");
  return found;
}

let sortTimer = null;

function show(status) {
  const row = known.get(status.name);
  if (!row || row.dataset.version !== String(status.version)) return schedule(300);
  const health = one("output[data-state]", row);
  if (health) {
    const state = Number(health.dataset.state);
    const variance = status.covariance[state]?.[state];
    row.dataset.health = status.mean[state] ?? "";
    write(health, measure(status.mean[state], Math.sqrt(variance)));
  }
  const chip = one(".chip", row);
  if (chip && row.dataset.phase !== status.phase) {
    row.dataset.phase = chip.dataset.phase = status.phase;
    write(chip, status.phase);
  }
  write(one("[data-waiting]", row), status.waiting > 0 ? `${count(status.waiting)} waiting` : "");
  const told = warnings(status), shown = one(".warnings", row);
  row.dataset.warnings = told.length;
  if (told.join() !== [...shown.children].map((item) => item.textContent).join()) {
    shown.replaceChildren(...told.map((text) => element("li", { text })));
  }
  // By what changes all the time the list is sorted now and then, not under the reader's finger.
  sortTimer ??= setTimeout(() => { sortTimer = null; list.apply(); }, 2000);
}

listen({ interval: 1, onStatus: show, onRemoved: () => schedule(300) });
schedule(PERIOD);
