// The panel: everything about one utterance.
import { bar, button, byId, el, number, swatch, words } from "./dom.js";
import { get } from "./api.js";
import { conversation } from "./conversation.js";
import { pictures } from "./picture.js";
import { plane } from "./plane.js";
import { series } from "./series.js";

let facts, panel, show;
let asked = 0;

export function start(given, reveal) {
  facts = given;
  show = reveal;
  panel = byId("panel");
  panel.addEventListener("keydown", play);
}

export function close() {
  panel.querySelector("audio")?.pause();
  panel.hidden = true;
  panel.replaceChildren();
  document.body.classList.remove("opened");
}

export async function open(row) {
  const mine = (asked += 1);
  panel.hidden = false;
  document.body.classList.add("opened");
  try {
    const about = await get("utterance", new URLSearchParams({ row }));
    if (mine === asked && !panel.hidden) fill(about);
  } catch (error) {
    panel.replaceChildren(el("p", { role: "alert" }, error.message), button("Close", leave));
  }
}

function leave() {
  close();
  byId("grid").focus();
}

function fill(about) {
  const title = words(about.id, "h2", { tabindex: "-1" });
  const sound = audio(about);
  panel.replaceChildren(el("div", { class: "top" }, title, button("Close", leave)), ...facts_of(about));
  section("Sound", sound);
  section("Frames", about.pictures.length ? pictures(about, facts, panel) : "The store has no array of frames, such as mel.");
  section("Physiology", part(about.series, (given) => (given.length ? series(given, about, panel) : "The store has no physiology.")));
  section("Prediction", prediction(about));
  section("Votes", part(about.votes, votes));
  section("Valence and arousal", plane(about, facts));
  section("Conversation", conversation(about, facts, panel, jump));
  section("Tokens", part(about.tokens, tokens));
  section("All columns", fold("Show", about.columns.map(([name, value]) => [name, value === null ? "–" : String(value)]), ["column", "value"]));
  panel.scrollTop = 0;
  title.focus();
}

function jump(row) {
  open(row);
  show(row).catch(() => {});
}

function section(title, content) {
  const inside = content instanceof Node ? content : el("p", { class: "quiet" }, content);
  panel.append(el("section", { "aria-label": title }, el("h3", {}, title), inside));
}

function part(given, made) {
  return given.error ? el("p", { class: "problem" }, given.error) : made(given);
}

function facts_of({ about, text, seconds }) {
  const known = Object.entries(about).filter(([, value]) => value !== null);
  const list = known.map(([name, value]) => el("div", {}, el("dt", {}, name), emotional(name, value)));
  const length = el("div", {}, el("dt", {}, "length"), el("dd", {}, seconds ? `${number(seconds, 2)} s` : "unknown"));
  return [text ? words(text, "blockquote") : el("p", { class: "quiet" }, "There is no transcript."), el("dl", { class: "facts" }, ...list, length)];
}

function emotional(name, value) {
  const made = words(value, "dd");
  if (name === "emotion") made.prepend(swatch(facts.colours[value]));
  return made;
}

function audio({ row, sound, id }) {
  return sound || el("audio", { controls: true, preload: "metadata", src: `/audio?row=${row}`, "aria-label": `Sound of ${id}` });
}

function play(event) {
  const sound = panel.querySelector("audio");
  if (event.key !== " " || !sound || event.target.closest("button, input, select, summary, audio, a")) return;
  event.preventDefault();
  if (sound.paused) sound.play();
  else sound.pause();
}

function bars(entries, most, decimals) {
  const rows = entries.map(([name, value]) =>
    el("tr", {}, el("th", { scope: "row" }, swatch(facts.colours[name]), words(name)), el("td", { class: "wide" }, bar(value / (most || 1), facts.colours[name])), el("td", { class: "number" }, number(value, decimals))));
  return el("table", { class: "bars" }, el("tbody", {}, ...rows));
}

function fold(title, rows, heads) {
  const head = el("tr", {}, ...heads.map((name) => el("th", { scope: "col" }, name)));
  const body = rows.map((row) => el("tr", {}, ...row.map((value) => words(value, "td"))));
  return el("details", {}, el("summary", {}, title), el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": heads.join(", ") }, el("table", {}, el("thead", {}, head), el("tbody", {}, ...body))));
}

function votes({ counts, ratings }) {
  const total = Object.values(counts).reduce((a, b) => a + b, 0);
  const each = ratings.map((row) => row.map((value) => (value === null ? "–" : String(value))));
  const table = ratings.length ? fold(`Each of ${ratings.length} raters`, each, ["rater", "sex", "emotion", "valence", "arousal"]) : null;
  if (!total) return el("div", {}, el("p", { class: "quiet" }, "Nobody voted on its emotion."), table);
  const most = Math.max(...Object.values(counts));
  return el("div", {}, bars(Object.entries(counts), most, 0), table);
}

function prediction({ prediction: given }) {
  if (!facts.predicts) return "To see what a run predicts, run the command again with --run.";
  if (!given) return "No run has tested this utterance.";
  const right = given.emotion === null ? "has no label" : given.emotion === given.predicted ? "right" : "wrong";
  const sentence = el("p", {}, `Predicted ${given.predicted} (${right}), fold ${given.fold}, ${given.run}`);
  return el("div", {}, sentence, bars(Object.entries(given.chances), 1, 3));
}

function tokens(lists) {
  if (!lists.length) return el("p", { class: "quiet" }, "The store has no tokens.");
  return el("div", {}, ...lists.map(({ name, ids, pieces }) => el("ol", { class: "tokens", "aria-label": name },
    ...ids.map((id, place) => el("li", {}, words(pieces ? pieces[place] : ""), el("small", {}, id))))));
}
