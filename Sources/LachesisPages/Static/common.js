// What all pages share: lines to copy, times that stay relative, lists that sort and search.
import { ago } from "./format.js";

export const one = (selector, root = document) => root.querySelector(selector);
export const all = (selector, root = document) => [...root.querySelectorAll(selector)];

/** An element with a class and text; what is written is text, never markup. */
export function element(tag, { className = "", text = "", ...attributes } = {}, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== "") made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

/** Writes text only if it differs, so that a selection in the page stays. */
export function write(target, text) {
  if (target && target.textContent !== text) target.textContent = text;
}

/** A query in which a space is %20: the server takes a plus sign for itself. */
export const query = (parameters) => String(new URLSearchParams(parameters)).replaceAll("+", "%20");

/** JSON of this server; throws an Error with the server's own words. */
export async function json(address, options = {}) {
  const answer = await fetch(address, { headers: { Accept: "application/json" }, ...options });
  if (answer.status === 401) {
    location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
    throw new Error("logged out");
  }
  const body = await answer.json().catch(() => null);
  if (!answer.ok) {
    const detail = body?.detail;
    throw new Error(typeof detail === "string" ? detail : detail?.[0]?.msg ?? `the server answered ${answer.status}`);
  }
  return body;
}

/** Keeps every <time data-unix> relative to now. */
export function refreshTimes(root = document) {
  for (const time of all("time[data-unix]", root)) write(time, ago(Number(time.dataset.unix)));
}

/** Lines to paste call the server as the browser does: behind a proxy that has the certificate only the browser knows of https. */
function callServerAsHere() {
  for (const place of all("[data-server]")) write(place, location.origin);
}

function addCopyButtons() {
  if (!navigator.clipboard) return;
  for (const block of all("pre > code")) {
    const frame = element("div", { className: "paste" });
    const button = element("button", { className: "quiet", text: "Copy" });
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(block.textContent);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
    block.parentElement.replaceWith(frame);
    frame.append(block.parentElement, button);
  }
}

/** A table whose headings sort and whose rows a field searches; both are kept in the address. */
export class List {
  /** - key: a row's value for the name of a heading; numbers sort as such, and what is missing comes last. */
  constructor(table, key) {
    [this.table, this.body, this.key] = [table, table.tBodies[0], key];
    this.search = one("#search");
    const asked = new URLSearchParams(location.search);
    this.sort = asked.get("sort") ?? "name";
    this.isDescending = asked.get("order") === "descending";
    if (this.search) {
      this.search.value = asked.get("q") ?? "";
      this.search.addEventListener("input", () => this.#changed());
    }
    for (const button of all("button[data-sort]", table)) {
      button.addEventListener("click", () => {
        const isSame = this.sort === button.dataset.sort;
        // Words from A on, numbers from the greatest.
        this.isDescending = isSame ? !this.isDescending : !["name", "phase", "state"].includes(button.dataset.sort);
        this.sort = button.dataset.sort;
        this.#changed();
      });
    }
    document.addEventListener("keydown", (event) => {
      if (!this.search || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "/" && !event.target.matches("input, textarea")) {
        event.preventDefault();
        this.search.focus();
      } else if (event.key === "Escape" && event.target === this.search) {
        this.search.value = "";
        this.#changed();
      }
    });
    this.apply();
  }

  #changed() {
    const asked = new URLSearchParams();
    if (this.search?.value) asked.set("q", this.search.value);
    if (this.sort !== "name" || this.isDescending) {
      asked.set("sort", this.sort);
      asked.set("order", this.isDescending ? "descending" : "ascending");
    }
    history.replaceState(null, "", asked.size ? `?${asked}` : location.pathname);
    this.apply();
  }

  /** Sorts and hides the rows anew. */
  apply() {
    for (const heading of all("th[scope=col]", this.table)) {
      const isSorted = one("button", heading)?.dataset.sort === this.sort;
      if (isSorted) heading.setAttribute("aria-sort", this.isDescending ? "descending" : "ascending");
      else heading.removeAttribute("aria-sort");
    }
    const words = (this.search?.value ?? "").toLocaleLowerCase().split(/\s+/).filter(Boolean);
    const rows = [...this.body.rows];
    const direction = this.isDescending ? -1 : 1;
    const keyed = rows.map((row) => ({ row, key: this.key(row, this.sort) }));
    keyed.sort((left, right) => compare(left.key, right.key, direction) || compare(left.row.dataset.name, right.row.dataset.name, 1));
    let shown = 0;
    for (const { row } of keyed) {
      const text = row.textContent.toLocaleLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      if (!row.hidden) shown += 1;
    }
    if (keyed.some(({ row }, place) => row !== rows[place])) this.body.append(...keyed.map(({ row }) => row));
    const nothing = one("#nothing");
    if (nothing) nothing.hidden = rows.length === 0 || shown > 0;
    return shown;
  }
}

const order = new Intl.Collator(undefined, { numeric: true });

function compare(left, right, direction) {
  const [noLeft, noRight] = [left, right].map((key) => key === null || key === undefined || key === "" || Number.isNaN(key));
  if (noLeft || noRight) return Number(noLeft) - Number(noRight);
  return direction * (typeof left === "number" ? left - right : order.compare(left, right));
}

callServerAsHere();
addCopyButtons();
refreshTimes();
setInterval(refreshTimes, 1000);
