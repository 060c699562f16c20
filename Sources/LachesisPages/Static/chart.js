// One plot: rows drawn by dygraphs, a legend that reads them, colours of the page.
import { element, one } from "./common.js";
import { POINTS } from "./history.js";
import { clock, measure, number, plain } from "./format.js";

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// Its legend measures text with an inline style, which the page's policy forbids; what else is left out is not used.
if (window.Dygraph) {
  const { Axes, Grid } = Dygraph.Plugins;
  Dygraph.PLUGINS = Dygraph.PLUGINS.filter((plugin) => plugin === Axes || plugin === Grid);
}

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];

/** A step of time (s) of which at most `count` fit into a span, such that people can read them. */
function stepOf(span, count) {
  const least = span / Math.max(1, count);
  const days = least / 86400;
  if (days > 1) {
    const power = 10 ** Math.floor(Math.log10(days));
    return 86400 * power * [1, 2, 5, 10].find((factor) => factor * power >= days);
  }
  if (least < 1) {
    const power = 10 ** Math.floor(Math.log10(least));
    return power * [1, 2, 5, 10].find((factor) => factor * power >= least);
  }
  return STEPS.find((step) => step >= least);
}

function timeTicks(from, to, pixels) {
  if (!(to > from)) return [{ v: from, label: clock(from) }];
  const step = stepOf(to - from, pixels / 95);
  const ticks = [];
  for (let place = Math.ceil(from / step); place * step <= to; place += 1) {
    ticks.push({ v: place * step, label: clock(place * step, step) });
  }
  return ticks;
}

export class Chart {
  /** Of the records that are drawn: the last one's sequence. */
  lastSequence = 0;
  /** Rows `[sequence, test_time, ...values]`, by time. */
  rows = [];
  #graph = null;
  #window = null;
  /** Of the values, as it was set; and whether the reader has chosen another. */
  #range = null;
  #hasOwnRange = false;

  /**
   * - figure: the element, whose data say what is drawn.
   * - on: `moved(window)`, `pointed(time or null)`, `all()`: what the reader does.
   */
  constructor(figure, on) {
    const data = figure.dataset;
    [this.figure, this.on] = [figure, on];
    [this.kind, this.title, this.unit] = [data.source, data.title, data.unit];
    this.canvas = one(".canvas", figure);
    this.legend = one(".legend", figure);
    this.states = data.states ? data.states.split(",").map(Number) : [];
    this.limits = data.nominal ? { nominal: Number(data.nominal), "end of life": 0.8 * Number(data.nominal) } : {};
  }

  /** - labels: names of the series; of states, their own. */
  name(labels) {
    // dygraphs needs names that differ, and the first is that of time.
    this.labels = labels.map((label, place) => (labels.indexOf(label) === place && label !== "t" ? label : `${label} (${place + 1})`));
    this.figure.toggleAttribute("data-many", this.kind === "history" && labels.length > 1);
  }

  /** Rows that are worth asking for: two for each pixel across, as each stretch of time has a least and a greatest value. */
  get points() { return Math.max(400, Math.min(POINTS, 2 * this.canvas.clientWidth)); }

  get hasBars() { return this.kind !== "data"; }

  /** Whether anything is drawn. */
  get isDrawn() { return this.#graph !== null; }

  #row([, time, ...values]) {
    if (this.kind === "data") return [time, values[0]];
    if (this.kind === "residual") {
      const [residual, deviation] = values;
      const band = deviation === null ? [null, null, null] : [-2 * deviation, 0, 2 * deviation];
      return [time, band, residual === null ? [null, null, null] : [residual, residual, residual]];
    }
    const bars = [];
    for (let place = 0; place < values.length; place += 2) {
      const [mean, deviation] = [values[place], this.states.length > 4 ? 0 : values[place + 1] ?? 0];
      bars.push(mean === null ? [null, null, null] : [mean - 2 * deviation, mean, mean + 2 * deviation]);
    }
    return [time, ...bars, ...Object.values(this.limits).map((value) => [value, value, value])];
  }

  #series() {
    const palette = [1, 2, 3, 4, 5, 6].map((place) => color(`--s${place}`));
    const series = {}, colors = [];
    this.labels.forEach((label, place) => {
      colors.push(palette[place % palette.length]);
      // Of the limits, and of the middle of the residual's band, only what they bound is of interest.
      series[label] = { strokeWidth: 1.4 };
    });
    if (this.kind === "residual") {
      colors[0] = palette[4];
      colors[1] = palette[0];
      series[this.labels[0]] = { strokeWidth: 0.6, highlightCircleSize: 0 };
      series[this.labels[1]] = { strokeWidth: 1 };
    }
    Object.keys(this.limits).forEach((label, place) => {
      colors.push(color(place ? "--limit" : "--quiet"));
      series[label] = { strokeWidth: 1.1, strokePattern: place ? [6, 4] : [2, 3], highlightCircleSize: 0 };
    });
    return { series, colors };
  }

  get #names() { return ["t", ...this.labels, ...Object.keys(this.limits)]; }

  #look() {
    return { ...this.#series(), axisLineColor: color("--line"), gridLineColor: color("--line") };
  }

  /** Takes the page's colours anew. */
  recolor() { this.#graph?.updateOptions(this.#look()); }

  /**
   * The range of values that is worth seeing; null for all of them. A filter begins with bands so wide that nothing else would be
   * seen beside them: they may run out of the plot where it would else be more than twice as high.
   */
  #worthwhile(file) {
    if (!this.hasBars || file.length < 50) return null;
    const limits = Object.values(this.limits).length;
    const lows = [], highs = [];
    for (const row of file) {
      for (const bar of row.slice(1, row.length - limits)) {
        if (bar[0] !== null) { lows.push(bar[0]); highs.push(bar[2]); }
      }
    }
    if (lows.length < 50) return null;
    lows.sort((left, right) => left - right);
    highs.sort((left, right) => left - right);
    const [least, most] = [lows[0], highs.at(-1)];
    const ends = [lows[Math.floor(0.05 * lows.length)], highs[Math.ceil(0.95 * highs.length) - 1], ...Object.values(this.limits)];
    const [from, to] = [Math.min(...ends), Math.max(...ends)];
    const margin = 0.3 * (to - from);
    return margin > 0 && most - least > 2 * (to - from) ? [from - margin, to + margin] : null;
  }

  /** Lets the values' range be chosen anew. */
  forget() { this.#hasOwnRange = false; }

  /** Draws what the rows are now, within a window `[from, to]` of time; `isAll` if there are no others. */
  draw(window, isAll = true) {
    this.#window = window;
    this.figure.toggleAttribute("data-empty", this.rows.length === 0);
    if (this.rows.length === 0) {
      this.#graph?.destroy();
      this.#graph = null;
      this.canvas.textContent = isAll ? "nothing yet" : "nothing in this range";
      return;
    }
    const file = this.rows.map((row) => this.#row(row));
    if (this.#graph) {
      if (this.#hasOwnRange) {
        this.#graph.updateOptions({ file, dateWindow: window });
      } else {
        this.#range = this.#worthwhile(file);
        this.#graph.updateOptions({ file, dateWindow: window, valueRange: this.#range });
      }
    } else {
      this.canvas.replaceChildren();
      this.#graph = this.#make(file, window);
    }
    this.tell(null);
  }

  #make(file, window) {
    const model = Dygraph.defaultInteractionModel;
    this.#range = this.#worthwhile(file);
    return new Dygraph(this.canvas, file, {
      labels: this.#names, customBars: this.hasBars, dateWindow: window, valueRange: this.#range, legend: "never", fillAlpha: 0.18,
      highlightCircleSize: 3, yRangePad: 14, animatedZooms: false, ...this.#look(),
      axes: {
        x: { ticker: (from, to, pixels) => timeTicks(from, to, pixels), axisLabelWidth: 90, drawGrid: true },
        y: { axisLabelWidth: 58, axisLabelFormatter: (value) => String(Number(value.toPrecision(6))).replace("-", "\u2212") },
      },
      interactionModel: {
        ...model,
        // One finger scrolls the page, two zoom.
        touchstart: (event, graph, context) => { if (event.touches.length > 1) model.touchstart(event, graph, context); },
        touchmove: (event, graph, context) => { if (event.touches.length > 1) model.touchmove(event, graph, context); },
        dblclick: () => this.on.all(),
      },
      drawCallback: (graph) => {
        const [from, to] = graph.xAxisRange(), known = this.#window, slack = (to - from) * 1e-6;
        const own = graph.getOptionForAxis("valueRange", "y");
        if (String(own) !== String(this.#range)) this.#hasOwnRange = true;
        if (known && (Math.abs(from - known[0]) > slack || Math.abs(to - known[1]) > slack)) this.on.moved([from, to]);
      },
      highlightCallback: (_, time) => this.on.pointed(time),
      unhighlightCallback: () => this.on.pointed(null),
    });
  }

  /** Moves to a window of time, drawing what rows there are. */
  move(window) {
    this.#window = window;
    this.#graph?.updateOptions({ dateWindow: window });
  }

  /** Position of the row nearest to a time; -1 without rows. */
  nearest(time) {
    let low = 0, high = this.rows.length - 1;
    if (high < 0) return -1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.rows[middle][1] < time) low = middle + 1;
      else high = middle;
    }
    return low > 0 && time - this.rows[low - 1][1] < this.rows[low][1] - time ? low - 1 : low;
  }

  /** Marks the row nearest to a time and reads it; nil marks nothing. */
  point(time) {
    if (!this.#graph) return;
    const row = time === null ? -1 : this.nearest(time);
    if (row < 0) {
      this.#graph.clearSelection();
      this.tell(null);
    } else {
      this.#graph.setSelection(row);
      this.tell(this.rows[row]);
    }
  }

  /** Writes the legend: what a row says, or what the lines are. */
  tell(row) {
    const { colors } = this.#series();
    const parts = [];
    const unit = this.unit ? ` ${this.unit}` : "";
    if (row) parts.push(element("span", { text: clock(row[1]) }));
    if (this.kind === "data") {
      if (row) parts.push(this.#mark(colors[0], `${number(row[2])}${unit}`));
    } else if (this.kind === "residual") {
      if (!row) {
        parts.push(this.#mark(colors[1], "residual"), this.#mark(colors[0], "± 2√S"));
      } else {
        parts.push(this.#mark(colors[1], `${number(row[2])}${unit}`));
        if (row[3] > 0) parts.push(element("span", { text: `${number(row[2] / row[3])} √S` }));
      }
    } else {
      const isCrowded = this.labels.length > 6;
      this.labels.forEach((label, place) => {
        const name = this.labels.length > 1 ? `${label} ` : "";
        if (row) { if (!isCrowded || place < 6) parts.push(this.#mark(colors[place], `${name}${measure(row[2 + 2 * place], row[3 + 2 * place])}${unit}`)); }
        else if (this.labels.length > 1 && (!isCrowded || place < 6)) parts.push(this.#mark(colors[place], label));
      });
      if (isCrowded) parts.push(element("span", { text: `and ${this.labels.length - 6} more` }));
      if (!row) Object.entries(this.limits).forEach(([label, value], place) => {
        parts.push(this.#mark(colors[this.labels.length + place], `${label} ${plain(value)}${unit}`));
      });
    }
    this.legend.replaceChildren(...parts);
  }

  #mark(swatch, text) {
    const mark = element("span", { text });
    mark.style.setProperty("--swatch", swatch);
    return mark;
  }

  /** Says why there is nothing to see. */
  fail(error) {
    this.legend.replaceChildren(element("span", { text: `could not be loaded: ${error.message}` }));
  }
}
