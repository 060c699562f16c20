// The correlation of an estimator's states, as a map whose cells can be read.
import { fixed, number } from "./format.js";
import { write } from "./common.js";

const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** `[red, green, blue]` of a colour such as `#fff` or `#a3251c`. */
function channels(color) {
  const digits = color.slice(1);
  const pairs = digits.length === 3 ? [...digits].map((digit) => digit + digit) : digits.match(/../g);
  return pairs.map((pair) => parseInt(pair, 16));
}

/** Where a covariance gives no correlation, there is null: NaN must not break a page. */
export function correlations(covariance) {
  return covariance.map((row, left) => row.map((value, right) => {
    const scale = Math.sqrt(covariance[left][left] * covariance[right][right]);
    if (value === null || !(scale > 0)) return left === right ? 1 : null;
    return Math.max(-1, Math.min(1, value / scale));
  }));
}

export class CorrelationMap {
  #names = [];
  #matrix = [];
  #cell = null;

  constructor(canvas, text) {
    [this.canvas, this.text] = [canvas, text];
    canvas.addEventListener("pointermove", (event) => this.#read(this.#at(event)));
    canvas.addEventListener("pointerdown", (event) => this.#read(this.#at(event)));
    canvas.addEventListener("pointerleave", () => this.#read(null));
    canvas.addEventListener("blur", () => this.#read(null));
    canvas.addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(() => this.#draw()).observe(canvas.parentElement);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
  }

  show(names, covariance) {
    this.#names = names.map((name) => name.replace(".base_values", ""));
    this.#matrix = correlations(covariance);
    this.canvas.hidden = false;
    this.#draw();
    this.#tell();
  }

  // Geometry

  get #width() { return this.canvas.clientWidth || 320; }
  get #hasLabels() { return this.#names.length <= 24; }

  /** Pixels left of the cells, and above them. */
  get #margin() {
    if (!this.#hasLabels) return 2;
    return Math.min(0.34 * this.#width, 10 + 6.2 * Math.max(...this.#names.map((name) => name.length)));
  }

  /** Pixels of a cell; of few states they need not be larger than their numbers. */
  get #size() { return Math.min(64, (this.#width - this.#margin - 2) / Math.max(1, this.#names.length)); }

  #at(event) {
    const box = this.canvas.getBoundingClientRect();
    const row = Math.floor((event.clientY - box.top - 2) / this.#size);
    const column = Math.floor((event.clientX - box.left - this.#margin) / this.#size);
    const count = this.#names.length;
    return row >= 0 && column >= 0 && row < count && column < count ? [row, column] : null;
  }

  #draw() {
    const count = this.#names.length;
    if (count === 0) return;
    const [width, size, margin] = [this.#width, this.#size, this.#margin];
    const below = this.#hasLabels ? 14 : 2;
    const height = Math.round(size * count + below + 4);
    const ratio = window.devicePixelRatio || 1;
    [this.canvas.width, this.canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    const context = this.canvas.getContext("2d");
    context.scale(ratio, ratio);
    const [low, middle, high] = ["--low", "--middle", "--high"].map((name) => channels(style(name)));
    const ink = style("--ink"), quiet = style("--quiet");
    for (let row = 0; row < count; row += 1) {
      for (let column = 0; column < count; column += 1) {
        const value = this.#matrix[row][column];
        const [x, y] = [margin + column * size, 2 + row * size];
        if (value !== null) {
          // That a state is correlated with itself is no news.
          const [end, share] = value < 0 ? [low, -value] : [high, row === column ? 0 : value];
          context.fillStyle = `rgb(${middle.map((from, place) => Math.round(from + share * (end[place] - from))).join(" ")})`;
          context.fillRect(x, y, size - 1, size - 1);
        }
        if (size >= 34) {
          context.fillStyle = value !== null && row !== column && Math.abs(value) > 0.55 ? "#fff" : row === column ? quiet : ink;
          context.font = "11px system-ui, sans-serif";
          [context.textAlign, context.textBaseline] = ["center", "middle"];
          context.fillText(value === null ? "–" : fixed(value, 2), x + (size - 1) / 2, y + size / 2);
        }
        if (this.#cell && this.#cell[0] === row && this.#cell[1] === column) {
          [context.strokeStyle, context.lineWidth] = [ink, 2];
          context.strokeRect(x, y, size - 1, size - 1);
        }
      }
    }
    if (this.#hasLabels) this.#label(context, quiet);
  }

  #label(context, color) {
    const [size, margin] = [this.#size, this.#margin];
    context.fillStyle = color;
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "middle";
    this.#names.forEach((name, place) => {
      context.textAlign = "right";
      context.fillText(fitted(context, name, margin - 6), margin - 6, 2 + (place + 0.5) * size);
      context.textAlign = "center";
      context.fillText(fitted(context, name, size - 2), margin + (place + 0.5) * size, 2 + this.#names.length * size + 8);
    });
  }

  // Reading

  #key(event) {
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const step = steps[event.key], last = this.#names.length - 1;
    if (!step || last < 0) return;
    event.preventDefault();
    const from = this.#cell ?? [0, 0];
    this.#read(from.map((place, side) => Math.min(last, Math.max(0, place + (this.#cell ? step[side] : 0)))));
  }

  #read(cell) {
    if (String(cell) === String(this.#cell)) return;
    this.#cell = cell;
    this.#draw();
    this.#tell();
  }

  #tell() {
    if (this.#cell) {
      const [row, column] = this.#cell;
      return write(this.text, `${this.#names[row]} and ${this.#names[column]}: ${number(this.#matrix[row][column])}`);
    }
    const pairs = [];
    for (let row = 0; row < this.#names.length; row += 1) {
      for (let column = 0; column < row; column += 1) {
        const value = this.#matrix[row][column];
        if (value !== null) pairs.push({ row, column, value });
      }
    }
    pairs.sort((left, right) => Math.abs(right.value) - Math.abs(left.value));
    const words = pairs.slice(0, 3).map(({ row, column, value }) => `${this.#names[column]} and ${this.#names[row]} ${fixed(value, 2)}`);
    write(this.text, words.length > 0 ? `Strongest: ${words.join("; ")}.` : "There is one state only.");
  }
}

/** The text, cut so that it fits. */
function fitted(context, text, width) {
  if (context.measureText(text).width <= width) return text;
  let length = text.length;
  while (length > 0 && context.measureText(`${text.slice(0, length)}…`).width > width) length -= 1;
  return length > 0 ? `${text.slice(0, length)}…` : "";
}
