// The utterances that are selected: how many, all or none of them, and their ids as a file.
import { byId, el, many } from "./dom.js";
import { fail, ids } from "./api.js";
import { clear, order, select, selected, view, watch } from "./state.js";

export function start() {
  byId("all").addEventListener("click", () => order().then((rows) => select(rows, true)).catch(fail));
  byId("none").addEventListener("click", clear);
  byId("save").addEventListener("click", () => save().catch(fail));
  byId("grid").addEventListener("total", tell);
  watch("selection", tell);
  tell();
}

function tell() {
  byId("count").textContent = `${many(view.total, "utterance")}, ${selected.size.toLocaleString("en")} selected`;
  byId("save").disabled = byId("none").disabled = !selected.size;
}

async function save() {
  const blob = await ids([...selected].sort((a, b) => a - b));
  const link = el("a", { href: URL.createObjectURL(blob), download: "ids.csv" });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
