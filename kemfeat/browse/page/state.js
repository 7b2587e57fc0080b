// What is asked for and what is selected; whoever shows either is told of changes.
import { places } from "./api.js";

export const query = { search: "", chosen: new Map(), sort: "", descending: false, lens: "" };
export const selected = new Set();
export const view = { total: 0, asked: null };

const watchers = { query: [], selection: [] };
export const watch = (what, action) => watchers[what].push(action);
const tell = (what) => watchers[what].forEach((action) => action());

export function ask(changes) {
  Object.assign(query, changes);
  view.asked = null;
  tell("query");
}

export function choose(facet, value, wanted) {
  const values = query.chosen.get(facet) ?? new Set();
  if (wanted) values.add(value);
  else values.delete(value);
  if (values.size) query.chosen.set(facet, values);
  else query.chosen.delete(facet);
  ask({});
}

// The numbers of all rows of the view, asked for once.
export function order() {
  view.asked ??= places(query);
  return view.asked;
}

export function select(rows, wanted) {
  for (const row of rows) wanted ? selected.add(row) : selected.delete(row);
  tell("selection");
}

export function clear() {
  selected.clear();
  tell("selection");
}
