// The workers, and what an admin does to them.
import { List, all, element, json, one, write } from "./common.js";
import { accelerated, bytes, count, headline, plain, span } from "./format.js";

const PERIOD = 2000;

const ACTIONS = {
  pause: { label: "Pause", consequence: "It is fed no records until you resume it; they are stored all the same. Its process stays while its place is not needed." },
  resume: { label: "Resume", consequence: "It is fed again, beginning with the first record that it has not had." },
  restart: { label: "Restart", consequence: "Its process is ended and started again from its last checkpoint." },
  stop: { label: "Stop", consequence: "Its state is saved and its process ended; records do not wake it until you resume it." },
};

const table = one("#workers"), dialog = one("#confirm"), problem = one("#problem");
const known = new Map();
const list = new List(table, (row, name) => {
  const value = name === "name" ? row.dataset.name : known.get(row.dataset.name)?.[name];
  return value ?? null;
});

/** A duration as an admin compares it: below a minute with one decimal. */
const rough = (seconds) => (seconds !== null && Math.abs(seconds) < 60 ? `${plain(Number(seconds.toFixed(1)))}\u202Fs` : span(seconds));

const dashboard = (name) => `/dashboard/${encodeURIComponent(name)}`;
const isHeld = ({ state }) => state === "paused" || state === "stopped";

function cells(worker) {
  const lag = worker.lag_records > 0 ? `${count(worker.lag_records)} (${rough(worker.lag_seconds)})` : count(worker.lag_records ?? 0);
  return [
    ["Version", worker.version === null ? "–" : String(worker.version)],
    ["Lag", lag],
    ["Steps/s", worker.steps_per_second === null ? "–" : plain(Number(worker.steps_per_second.toPrecision(3)))],
    ["Memory", bytes(worker.memory_bytes)],
    ["CPU", rough(worker.cpu_seconds)],
    ["Restarts", count(worker.restarts ?? 0)],
  ];
}

function make(name) {
  const row = element("tr", { "data-name": name },
    element("th", { scope: "row" }, element("a", { href: dashboard(name), text: name })),
    element("td", { "data-label": "State" }, element("span", { className: "chip" }), " ", element("small", { "data-acceleration": true })),
    ...["Version", "Lag", "Steps/s", "Memory", "CPU", "Restarts"].map((label) => element("td", { className: "number", "data-label": label })),
    element("td", { className: "error", "data-label": "Last error" }),
    element("td", { className: "actions" }));
  row.cells[9].append(...Object.keys(ACTIONS).map((action) => {
    const button = element("button", { text: ACTIONS[action].label, "data-action": action, "aria-label": `${ACTIONS[action].label} ${name}` });
    button.addEventListener("click", () => ask(action, name));
    return button;
  }));
  return row;
}

function fill(row, worker) {
  const chip = one(".chip", row);
  chip.dataset.phase = worker.state;
  write(chip, worker.state);
  chip.title = [worker.estimator, `plugin ${worker.plugin}`, worker.pid && `process ${worker.pid}`].filter(Boolean).join(", ");
  const level = one("[data-acceleration]", row);
  write(level, worker.acceleration.disagreements > 0 ? `${worker.acceleration.in_use}: a step differed` : worker.acceleration.in_use ?? "");
  level.classList.toggle("differed", worker.acceleration.disagreements > 0);
  level.title = `acceleration ${accelerated(worker.acceleration)}`;
  cells(worker).forEach(([, text], place) => {
    const cell = row.cells[2 + place];
    // Beside the label, which is there on telephones.
    if (cell.firstElementChild) write(cell.firstElementChild, text);
    else cell.append(element("span", { text }));
  });
  const error = row.cells[8];
  if (error.dataset.text !== (worker.last_error ?? "")) {
    error.dataset.text = worker.last_error ?? "";
    const short = headline(worker.last_error ?? "");
    error.replaceChildren(...(worker.last_error ? [element("details", {}, element("summary", { text: short, title: short }), element("pre", { text: worker.last_error, tabindex: "0" }))] : []));
  }
  for (const button of all("[data-action]", row)) {
    const { action } = button.dataset;
    button.hidden = action === "resume" ? !isHeld(worker) : action === "pause" || action === "stop" ? isHeld(worker) : false;
  }
}

async function refresh() {
  const found = await json("/admin/workers");
  const rows = new Map([...list.body.rows].map((row) => [row.dataset.name, row]));
  known.clear();
  for (const worker of found.workers) {
    known.set(worker.name, worker);
    let row = rows.get(worker.name);
    if (!row) list.body.append((row = make(worker.name)));
    fill(row, worker);
    rows.delete(worker.name);
  }
  for (const row of rows.values()) row.remove();
  const live = found.workers.filter(({ pid }) => pid !== null).length;
  write(one("#count"), `${count(live)} of at most ${count(found.max_workers)} processes, ${count(found.workers.length)} estimators, `
    + found.hosts.map((host) => `${host.name}: ${host.workers}`).join(", "));
  table.hidden = found.workers.length === 0;
  one("#empty").hidden = found.workers.length > 0;
  if (!list.body.contains(document.activeElement)) list.apply();
}

let lastFailure = "";

function fail(error) {
  lastFailure = error?.message ?? "";
  problem.hidden = !lastFailure;
  write(problem, lastFailure);
}

async function ask(action, name) {
  const { label, consequence } = ACTIONS[action];
  one("#question").textContent = `${label} ${name}?`;
  one("#consequence").textContent = consequence;
  const yes = one("#yes");
  yes.textContent = label;
  yes.className = action === "stop" || action === "restart" ? "danger" : "act";
  dialog.returnValue = "no";
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  if (dialog.returnValue !== "yes") return;
  try {
    await json(`/admin/workers/${encodeURIComponent(name)}/${action}`, { method: "POST" });
    fail(null);
    await refresh();
  } catch (error) {
    fail(error);
  }
}

const live = one("#live");

function sign(state, text) {
  live.hidden = false;
  live.dataset.state = state;
  write(live, text);
}

async function loop() {
  if (!document.hidden) {
    try {
      await refresh();
      sign("live", "live");
    } catch (error) {
      sign("lost", `no answer: ${error.message}`);
    }
  }
  setTimeout(loop, PERIOD);
}

loop();
