// Rows of records and estimates from the server, thinned by it, in the form that the plots take.
import { json, query as queryText } from "./common.js";

/** Most rows that a plot is asked for. */
export const POINTS = 2000;

/** `{names, rows}` of a table in the server's format. */
async function table(address, query, signal) {
  const answer = await json(`${address}?${queryText(query)}`, { signal });
  return { names: answer.columns.map((column) => column.name), rows: answer.rows };
}

const ADDRESSES = {
  data: (path) => `/db/data/${path}`,
  history: (path) => `/online/history/${path}`,
  residual: (path) => `/dashboard/${path}/residuals`,
};

/**
 * Where plots get their rows from: records (`data`), estimates (`history`) or differences of both (`residual`).
 * Each plot names its columns; `load` gives rows `[sequence, test_time, ...columns]`.
 */
export class Source {
  #columns = null;

  constructor(path, kind) {
    [this.path, this.kind] = [path, kind];
    this.address = ADDRESSES[kind](path);
  }

  /**
   * Names of the columns with the mean and the standard deviation of states, in the order asked for.
   * The table of estimates has the sequence, the time, all means, all deviations and then the outputs.
   */
  async deviationsOf(states, stateCount, signal) {
    this.#columns ??= table(this.address, { format: "table", limit: 1 }, signal).then(({ names }) => names);
    const names = await this.#columns.catch((error) => {
      this.#columns = null;
      throw error;
    });
    return states.flatMap((state) => [names[2 + state], names[2 + stateCount + state]]);
  }

  /** - query: `start`, `end` (s), `after` (sequence), `points`. */
  async load(columns, query, signal) {
    const asked = { ...query };
    if (this.kind === "residual") asked.output = columns[0]; // It has these columns and this format alone.
    else [asked.format, asked.columns] = ["table", ["test_time", ...columns].join(",")];
    if (this.kind === "data") asked.sequence = true;
    const { names, rows } = await table(this.address, asked, signal);
    const wanted = this.kind === "residual" ? ["residual", "deviation"] : columns;
    const places = ["sequence", "test_time", ...wanted].map((name) => names.indexOf(name));
    return rows.map((row) => places.map((place) => (place < 0 ? null : row[place]))).filter((row) => row[1] !== null);
  }
}

/** Sorts rows by time, if need be: a test that is begun anew counts from zero again. */
export function sorted(rows) {
  for (let place = 1; place < rows.length; place += 1) {
    if (rows[place][1] < rows[place - 1][1]) return rows.toSorted((left, right) => left[1] - right[1]);
  }
  return rows;
}

/** At most about `limit` rows: the first, the last, and of every stretch those with the least and the greatest third value. */
export function compacted(rows, limit) {
  if (rows.length <= limit) return rows;
  const stretches = Math.max(1, Math.floor(limit / 2)), kept = [rows[0]];
  for (let stretch = 0; stretch < stretches; stretch += 1) {
    const from = Math.floor((stretch * rows.length) / stretches), to = Math.floor(((stretch + 1) * rows.length) / stretches);
    let least = from, greatest = from;
    for (let place = from; place < to; place += 1) {
      if (rows[place][2] === null) continue;
      if (rows[least][2] === null || rows[place][2] < rows[least][2]) least = place;
      if (rows[greatest][2] === null || rows[place][2] > rows[greatest][2]) greatest = place;
    }
    for (const place of new Set([Math.min(least, greatest), Math.max(least, greatest)])) {
      if (rows[place] !== kept.at(-1)) kept.push(rows[place]);
    }
  }
  if (kept.at(-1) !== rows.at(-1)) kept.push(rows.at(-1));
  return kept;
}
