// Lenses: each finds utterances that somebody should look at, and orders the table by how much so.
import { button, byId, el } from "./dom.js";
import { fail, get } from "./api.js";
import { ask, query, watch } from "./state.js";

let all = [];

export async function start() {
  all = (await get("lenses")).map((lens) => ({ ...lens, ...made(lens) }));
  if (!all.length) return;
  byId("lenses").append(el("details", { open: true }, el("summary", {}, "Lenses"), ...all.map(({ item }) => item)));
  watch("query", mark);
}

function made(lens) {
  const push = button(lens.title, () => look(lens, push), { "aria-pressed": "false", "aria-disabled": lens.needs ? "true" : null });
  const told = el("p", { class: "quiet", hidden: !lens.needs }, lens.needs);
  return { push, told, item: el("div", { class: "lens" }, push, told) };
}

async function look(lens, push) {
  if (lens.needs) return;
  if (query.lens === lens.name) {
    ask({ lens: "", sort: "", descending: false });
    return;
  }
  push.setAttribute("aria-busy", "true");
  try {
    await get(`lens/${lens.name}`);
    ask({ lens: lens.name, sort: "score", descending: true });
  } catch (error) {
    fail(error);
  }
  push.removeAttribute("aria-busy");
}

function mark() {
  for (const lens of all) {
    const active = query.lens === lens.name;
    lens.push.setAttribute("aria-pressed", active);
    if (lens.needs) continue;
    lens.told.hidden = !active;
    lens.told.textContent = lens.unit ? `${lens.help} Score: ${lens.unit}.` : lens.help;
  }
}
