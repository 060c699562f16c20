// All plots of a battery: one range of time for all, loaded when seen, continued while records come.
import { all, one, write } from "./common.js";
import { clock, span } from "./format.js";
import { Chart } from "./chart.js";
import { POINTS, Source, compacted, sorted } from "./history.js";

/** Requests for plots at once: a browser has six connections to a server, and one is for events. */
const LANES = 3;

export class Plots {
  /** What is shown: all, the `last` so many seconds, or a `window` that stays. */
  #view = { all: true };
  #sources = {};
  #visible = new Set();
  /** Plots whose rows are not those of the view. */
  #stale = new Set();
  #abort = new AbortController();
  #waiting = [];
  #busy = 0;
  #updating = false;
  #isDue = false;
  #loadTimer = null;

  /**
   * - path: the battery's name as a part of addresses.
   * - stateNames: of the estimator; none without one.
   * - onMoved: told the window, or nil for all; onNewest: told the newest record's sequence.
   */
  constructor(root, { path, stateNames, onMoved = () => {}, onNewest = () => {} }) {
    [this.path, this.stateNames, this.onMoved, this.onNewest] = [path, stateNames, onMoved, onNewest];
    const on = {
      moved: (window) => this.show({ window }),
      pointed: (time) => this.#point(time),
      all: () => this.show({ all: true }),
    };
    this.charts = all(".plot", root).map((figure) => new Chart(figure, on));
    for (const chart of this.charts) {
      chart.name(chart.kind === "history" ? chart.states.map((state) => stateNames[state] ?? `state ${state}`)
        : chart.kind === "residual" ? ["± 2√S", "residual"] : [chart.title]);
      chart.canvas.addEventListener("keydown", (event) => this.#key(event, chart));
      this.#stale.add(chart);
    }
    const observer = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        const chart = this.charts.find(({ figure }) => figure === target);
        if (isIntersecting) this.#visible.add(chart);
        else this.#visible.delete(chart);
      }
      this.#load();
      this.update();
    }, { rootMargin: "300px" });
    for (const { figure } of this.charts) observer.observe(figure);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      for (const chart of this.charts) if (chart.isDrawn) { chart.recolor(); chart.tell(null); }
    });
    this.#addTools(root.parentElement);
  }

  // What is shown

  /** Shows all, the last so many seconds, or a window; the rows for it follow. */
  show(view) {
    this.#view = view;
    const window = this.#window();
    for (const chart of this.charts) {
      this.#stale.add(chart);
      chart.forget();
      if (window) chart.move(window);
    }
    this.#tell();
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#waiting = [];
    clearTimeout(this.#loadTimer);
    this.#loadTimer = setTimeout(() => this.#load(), 180);
  }

  /** From the first to the last time of the rows that there are; nil without rows. */
  get #extent() {
    const drawn = this.charts.filter(({ rows }) => rows.length > 0);
    if (drawn.length === 0) return null;
    const from = Math.min(...drawn.map(({ rows }) => rows[0][1])), to = this.#latest;
    return from < to ? [from, to] : [from - 0.5, to + 0.5];
  }

  get #latest() {
    return Math.max(...this.charts.filter(({ rows }) => rows.length > 0).map(({ rows }) => rows.at(-1)[1]));
  }

  #window() {
    if (this.#view.window) return this.#view.window;
    const extent = this.#extent;
    if (!extent || this.#view.all) return extent;
    return [this.#newest - this.#view.last, this.#newest];
  }

  /** The latest time that was ever seen, s: a window that is shown may end before. */
  #newest = -Infinity;

  #tell() {
    const window = this.#view.all ? null : this.#window();
    this.onMoved(this.#view.window ?? null);
    for (const button of all("[data-view]")) {
      const is = button.dataset.view === "all" ? this.#view.all === true : Number(button.dataset.view) === this.#view.last;
      button.setAttribute("aria-pressed", String(is));
    }
    write(one("#range"), window ? `${clock(window[0])} – ${clock(window[1])} (${span(window[1] - window[0])})` : "");
  }

  // Loading

  #load() {
    for (const chart of this.#visible) {
      if (this.#stale.has(chart) && !this.#waiting.includes(chart)) this.#waiting.push(chart);
    }
    while (this.#busy < LANES && this.#waiting.length > 0) this.#run(this.#waiting.shift());
  }

  async #run(chart) {
    const signal = this.#abort.signal;
    this.#busy += 1;
    this.#stale.delete(chart);
    chart.figure.setAttribute("aria-busy", "true");
    try {
      const rows = sorted(await this.#fetch([chart], { ...this.#range(), points: chart.points }, signal).then((found) => found.get(chart)));
      if (signal.aborted) return;
      chart.rows = rows;
      chart.lastSequence = rows.reduce((last, row) => Math.max(last, row[0]), chart.lastSequence);
      this.#note(chart);
      this.#drawAll(chart);
    } catch (error) {
      if (!signal.aborted) chart.fail(error);
    } finally {
      chart.figure.removeAttribute("aria-busy");
      this.#busy -= 1;
      this.#load();
    }
  }

  /** The range of the query: somewhat more than is seen, so that lines reach the edges. */
  #range() {
    if (this.#view.all) return {};
    const window = this.#window();
    if (!window) return {};
    const margin = 0.02 * (window[1] - window[0]);
    return this.#view.last ? { start: window[0] - margin } : { start: window[0] - margin, end: window[1] + margin };
  }

  #source(kind) { return (this.#sources[kind] ??= new Source(this.path, kind)); }

  async #columns(chart, signal) {
    if (chart.kind === "data") return [chart.figure.dataset.column];
    if (chart.kind === "residual") return [chart.figure.dataset.output];
    return this.#source("history").deviationsOf(chart.states, this.stateNames.length, signal);
  }

  /** Rows for charts of one kind, with one request. */
  async #fetch(charts, query, signal) {
    const columns = await Promise.all(charts.map((chart) => this.#columns(chart, signal)));
    const names = [...new Set(columns.flat())];
    const rows = await this.#source(charts[0].kind).load(names, query, signal);
    if (charts[0].kind === "residual") return new Map([[charts[0], rows]]);
    return new Map(charts.map((chart, place) => {
      const places = columns[place].map((name) => 2 + names.indexOf(name));
      return [chart, rows.map((row) => [row[0], row[1], ...places.map((at) => row[at])])];
    }));
  }

  #note(chart) {
    if (chart.rows.length > 0) this.#newest = Math.max(this.#newest, chart.rows.at(-1)[1]);
    if (chart.kind === "data") this.onNewest(chart.lastSequence);
  }

  /** Draws a chart, and moves the others: all of them show the same time. */
  #drawAll(changed) {
    const window = this.#window();
    for (const chart of this.charts) {
      if (chart === changed) chart.draw(window, this.#view.all === true);
      else if (chart.isDrawn && window) chart.move(window);
    }
    this.#tell();
  }

  // Continuing

  /** Asks for what came since; while an answer is awaited, once more afterwards. */
  async update() {
    if (this.#view.window || document.hidden) return;
    this.#isDue = true;
    if (this.#updating) return;
    this.#updating = true;
    try {
      while (this.#isDue) {
        this.#isDue = false;
        await this.#continue();
      }
    } catch {
      // The next event asks again.
    } finally {
      this.#updating = false;
    }
  }

  async #continue() {
    const signal = this.#abort.signal;
    const ready = [...this.#visible].filter((chart) => !this.#stale.has(chart) && !chart.figure.hasAttribute("aria-busy"));
    const changed = new Set();
    await Promise.all(["data", "history", "residual"].map(async (kind) => {
      const charts = ready.filter((chart) => chart.kind === kind);
      if (charts.length === 0) return;
      const after = Math.min(...charts.map(({ lastSequence }) => lastSequence));
      const found = await this.#fetch(charts, { after, points: POINTS / 2 }, signal);
      for (const [chart, rows] of found) {
        const news = rows.filter((row) => row[0] > chart.lastSequence);
        if (signal.aborted || this.#stale.has(chart) || news.length === 0) continue;
        chart.lastSequence = news.reduce((last, row) => Math.max(last, row[0]), chart.lastSequence);
        chart.rows = compacted(sorted([...chart.rows, ...news]), POINTS);
        this.#note(chart);
        changed.add(chart);
      }
    }));
    if (changed.size === 0 || signal.aborted) return;
    if (this.#view.last) {
      for (const chart of changed) chart.rows = chart.rows.filter((row) => row[1] >= this.#newest - 1.1 * this.#view.last);
    }
    const window = this.#window();
    for (const chart of this.charts) {
      if (changed.has(chart)) chart.draw(window);
      else if (chart.isDrawn) chart.move(window);
    }
    this.#tell();
  }

  // What the reader does

  #point(time) { for (const chart of this.charts) chart.point(time); }

  /** - factor: below 1 shows less time, above 1 more; - shift: in widths of the window. */
  #zoom(factor, shift) {
    const window = this.#window();
    if (!window) return;
    const width = window[1] - window[0];
    const middle = (window[0] + window[1]) / 2 + shift * width;
    this.show({ window: [middle - (factor * width) / 2, middle + (factor * width) / 2] });
  }

  #move(name) {
    const [factor, shift] = { left: [1, -0.5], right: [1, 0.5], in: [0.5, 0], out: [2, 0] }[name];
    this.#zoom(factor, shift);
  }

  #addTools(root) {
    for (const button of all("[data-view]", root)) {
      button.addEventListener("click", () => {
        this.show(button.dataset.view === "all" ? { all: true } : { last: Number(button.dataset.view) });
      });
    }
    for (const button of all("[data-move]", root)) button.addEventListener("click", () => this.#move(button.dataset.move));
  }

  #cursor = null;

  #key(event, chart) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const names = { "+": "in", "=": "in", "-": "out", _: "out" };
    if (event.shiftKey && event.key === "ArrowLeft") this.#move("left");
    else if (event.shiftKey && event.key === "ArrowRight") this.#move("right");
    else if (names[event.key]) this.#move(names[event.key]);
    else if (event.key === "0") this.show({ all: true });
    else if (event.key === "Escape") this.#point((this.#cursor = null));
    else if (["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key) && chart.rows.length > 0) this.#step(event.key, chart);
    else return;
    event.preventDefault();
  }

  /** Reads the row before or behind the one that was read, within what is seen. */
  #step(key, chart) {
    const [from, to] = this.#window();
    const first = chart.rows.findIndex((row) => row[1] >= from), last = chart.rows.findLastIndex((row) => row[1] <= to);
    if (first < 0 || last < first) return;
    const at = this.#cursor === null ? (key === "ArrowLeft" ? last + 1 : first - 1) : chart.nearest(this.#cursor);
    const next = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: first, End: last }[key];
    this.#cursor = chart.rows[Math.min(last, Math.max(first, next))][1];
    this.#point(this.#cursor);
  }
}
