// Numbers and times as people read them; the server's Wording.swift writes the same.

const MINUS = "\u2212", THIN = "\u202F";

const signed = (text) => text.replaceAll("-", MINUS);

/** So many decimals; what is rounded to zero has no sign. */
export const fixed = (value, places) => {
  const text = value.toFixed(places);
  return /[1-9]/.test(text) ? signed(text) : text.replace("-", "");
};

const scientific = (value) => signed(value.toExponential(3).replace(/e([+-])(\d)$/, "e$10$2"));

/** Five significant digits; "–" for what is no number. */
export function number(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const magnitude = Math.floor(Math.log10(Math.abs(value)));
  if (magnitude < -4 || magnitude > 7) return scientific(value);
  return fixed(value, Math.max(0, 4 - magnitude));
}

/** Likewise, without zeros at its end: for what was chosen, not measured. */
export function plain(value) {
  const text = number(value);
  return text.includes(".") && !text.includes("e") ? text.replace(/\.?0+$/, "") : text;
}

/** Of a whole, with one decimal. */
export const percent = (share) => (Number.isFinite(100 * share) ? fixed(100 * share, 1) : "–");

/** Mean and standard deviation, the latter with two significant digits. */
export function measure(mean, deviation) {
  if (mean === null || mean === undefined || !Number.isFinite(mean)) return "–";
  if (!(deviation > 0) || !Number.isFinite(deviation)) return number(mean);
  const decimals = 1 - Math.floor(Math.log10(deviation));
  if (decimals > 6 || Math.abs(mean) >= 1e7 || deviation >= 1e7) return shared(mean, deviation);
  const places = Math.max(0, decimals);
  return `${fixed(mean, places)} ±\u00A0${fixed(deviation, places)}`;
}

/** Mean and deviation over one power of ten. */
function shared(mean, deviation) {
  const exponent = Math.floor(Math.log10(Math.max(Math.abs(mean), deviation)));
  const scale = 10 ** exponent;
  if (!(deviation / scale > 0) || !Number.isFinite(deviation / scale)) return `${scientific(mean)} ±\u00A0${scientific(deviation)}`;
  const places = Math.min(9, Math.max(0, 1 - Math.floor(Math.log10(deviation / scale))));
  const power = String(Math.abs(exponent)).replace(/\d/g, (digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]);
  return `(${fixed(mean / scale, places)} ±\u00A0${fixed(deviation / scale, places)})×10${exponent < 0 ? "⁻" : ""}${power}`;
}

/** With thin spaces between thousands. */
export const count = (value) => String(value).replace(/\B(?=(\d{3})+$)/g, THIN);

const UNITS = [["d", 86400], ["h", 3600], ["min", 60]];

/** A duration (s) in the largest unit that leaves at least one. */
export function span(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "–";
  const size = Math.abs(seconds);
  for (const [unit, length] of UNITS) {
    if (size >= length) return `${fixed(seconds / length, size / length < 10 ? 2 : 1)}${THIN}${unit}`;
  }
  return `${number(seconds)}${THIN}s`;
}

/** A place on the axis of time (s), with as much precision as steps of `step` need: `1 d 02:03:04`. */
export function clock(seconds, step = 0) {
  const sign = seconds < 0 ? MINUS : "";
  const decimals = step > 0 && step < 1 ? Math.min(6, Math.ceil(-Math.log10(step))) : step === 0 && seconds % 1 !== 0 ? 2 : 0;
  let rest = Number(Math.abs(seconds).toFixed(decimals));
  const days = Math.floor(rest / 86400);
  rest -= days * 86400;
  const hours = Math.floor(rest / 3600), minutes = Math.floor(rest / 60) % 60;
  const second = (rest % 60).toFixed(decimals).padStart(decimals ? 3 + decimals : 2, "0");
  const pad = (part) => String(part).padStart(2, "0");
  if (step >= 86400) return `${sign}${days}${THIN}d`;
  const time = step >= 60 ? `${pad(hours)}:${pad(minutes)}` : `${pad(hours)}:${pad(minutes)}:${second}`;
  return `${sign}${days ? `${days}${THIN}d ` : ""}${time}`;
}

/** How long ago a moment (Unix s) is. */
export function ago(unixSeconds, now = Date.now() / 1000) {
  const age = now - unixSeconds;
  if (age < 1.5) return "just now";
  if (age < 60) return `${Math.round(age)} s ago`;
  if (age < 3600) return `${Math.round(age / 60)} min ago`;
  if (age < 172800) return `${Math.round(age / 3600)} h ago`;
  return `${Math.round(age / 86400)} d ago`;
}

/** An estimator's acceleration as its status has it: `full`, or `off instead of full: why`; empty if its plugin has none. */
export function accelerated({ asked, in_use, reason }) {
  if (in_use === null) return "";
  if (in_use === asked) return in_use;
  return `${in_use} instead of ${asked}${reason === null ? "" : `: ${reason}`}`;
}

const SIZES = ["B", "KiB", "MiB", "GiB", "TiB"];

export function bytes(value) {
  if (value === null || value === undefined) return "–";
  const power = value > 0 ? Math.min(SIZES.length - 1, Math.floor(Math.log2(value) / 10)) : 0;
  return `${(value / 1024 ** power).toFixed(power && value / 1024 ** power < 100 ? 1 : 0)}${THIN}${SIZES[power]}`;
}

/** A script's problem in one line: of a traceback the exception and what it says next, else the last line. */
export function headline(text) {
  const lines = text.split("\n").filter((line) => line.trim());
  const frame = lines.findLastIndex((line) => line.trimStart().startsWith('File "'));
  if (frame < 0) return lines.at(-1)?.trim() ?? "";
  const said = lines.slice(frame + 1);
  // The source, and what points at a place in it, are indented.
  const from = said.findIndex((line) => line.trimStart() === line);
  return from < 0 ? "" : said.slice(from, from + 2).map((line) => line.trim()).join(": ");
}
