// What the table is narrowed by, with how many rows each value would leave.
import { byId, el, swatch, words } from "./dom.js";
import { fail, get, parameters } from "./api.js";
import { choose, query, watch } from "./state.js";

const FEW = 10;
let facts;
const groups = new Map();

export function start(given) {
  facts = given;
  for (const [name, title] of Object.entries(facts.facets)) {
    const list = el("div", { role: "group", "aria-label": title });
    const fold = el("details", { open: true }, el("summary", {}, title), list);
    groups.set(name, { list, inputs: new Map() });
    byId("facets").append(fold);
  }
  watch("query", refresh);
  refresh();
}

async function refresh() {
  try {
    const found = await get("facets", parameters(query));
    for (const [name, { values, others }] of Object.entries(found)) update(name, groups.get(name), values, others);
  } catch (error) {
    fail(error);
  }
}

function update(facet, group, values, others) {
  const names = values.map(([name]) => name);
  if (names.length !== group.inputs.size || names.some((name) => !group.inputs.has(name))) rebuild(facet, group, values, others);
  for (const [name, , count] of values) {
    const { input, told } = group.inputs.get(name);
    told.textContent = count.toLocaleString("en");
    input.checked = query.chosen.get(facet)?.has(name) ?? false;
  }
}

function rebuild(facet, group, values, others) {
  group.inputs.clear();
  const labels = values.map(([name, shown]) => choice(facet, group, name, shown));
  const rest = labels.slice(FEW);
  group.list.replaceChildren(...labels.slice(0, FEW));
  if (rest.length) group.list.append(el("details", {}, el("summary", {}, `${rest.length} more`), ...rest));
  if (others) group.list.append(el("p", { class: "quiet" }, `and ${others.toLocaleString("en")} others: search for them`));
}

function choice(facet, group, name, shown) {
  const input = el("input", { type: "checkbox" });
  const told = el("span", { class: "told" });
  input.addEventListener("change", () => choose(facet, name, input.checked));
  group.inputs.set(name, { input, told });
  const colour = facet === "emotion" ? swatch(facts.colours[name]) : null;
  return el("label", {}, input, colour, words(shown), told);
}
