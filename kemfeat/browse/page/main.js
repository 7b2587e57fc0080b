// Starts the page: what is fixed, then the parts that show a query, then the keys.
import { byId, el, words } from "./dom.js";
import { fail, get } from "./api.js";
import { ask, query, watch } from "./state.js";
import * as lenses from "./lenses.js";
import * as facets from "./facets.js";
import * as panel from "./panel.js";
import * as selection from "./selection.js";
import * as table from "./table.js";

const WAIT = 150; // ms without a key until a search begins
const WIDE = "(min-width: 60rem)";

function header(facts) {
  document.title = `${facts.dataset}: kemfeat browse`;
  byId("title").replaceChildren(words(facts.dataset), " ", el("small", {}, `${facts.place}, digest ${facts.digest}`));
  byId("banners").append(...facts.banners.map((banner) => el("p", { class: "banner" }, banner)));
}

function tools(facts) {
  const sort = byId("sort");
  sort.append(el("option", { value: "" }, "as in the store"));
  for (const { name, title } of facts.columns) sort.append(el("option", { value: name }, title));
  sort.addEventListener("change", () => ask({ sort: sort.value }));
  byId("direction").addEventListener("click", () => ask({ descending: !query.descending }));
  let timer;
  byId("search").addEventListener("input", ({ target }) => {
    clearTimeout(timer);
    timer = setTimeout(() => ask({ search: target.value.trim() }), WAIT);
  });
  const score = el("option", { value: "score" }, "Score of the lens");
  watch("query", () => {
    if (query.lens) sort.append(score);
    else score.remove();
    sort.value = query.sort;
    byId("direction").setAttribute("aria-pressed", query.descending);
  });
}

function folds() {
  const wide = matchMedia(WIDE);
  const follow = () => { byId("fold").open = wide.matches; };
  wide.addEventListener("change", follow);
  follow();
}

const typing = (node) => node.matches("input:not([type=checkbox]):not([type=range]), select, textarea");
const KEYS = { "/": () => byId("search"), o: () => byId("sort"), t: () => byId("grid"), l: () => document.querySelector("#lenses button"), f: () => byId("fold").firstElementChild };
const FOLDED = { f: true, l: true };

function keys(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") {
    panel.close();
    byId("grid").focus();
  } else if (event.key in KEYS && !typing(event.target)) {
    event.preventDefault();
    if (event.key in FOLDED) byId("fold").open = true;
    KEYS[event.key]()?.focus();
  }
}

try {
  const facts = await get("store");
  if (location.search) history.replaceState(null, "", "/");
  header(facts);
  tools(facts);
  folds();
  facets.start(facts);
  lenses.start().catch(fail);
  selection.start();
  panel.start(facts, table.show);
  table.start(facts, panel.open);
  addEventListener("keydown", keys);
  byId("grid").focus({ preventScroll: true });
} catch (error) {
  fail(error);
}
