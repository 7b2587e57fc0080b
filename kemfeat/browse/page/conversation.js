// The conversation around an utterance: who spoke when, and the utterances nearest to it.
import { button, el, number, svg, swatch, words } from "./dom.js";

const LANE = 22;
const NEAR = 3;

export function conversation({ conversation: all, row }, facts, panel, jump) {
  if (all.length < 2) return "It is the only utterance of its conversation.";
  const place = all.findIndex((one) => one.row === row);
  const near = all.slice(Math.max(0, place - NEAR), place + NEAR + 1);
  const list = el("ol", { class: "near" }, ...near.map((one) => el("li", {}, neighbour(one, row, facts, jump))));
  return el("div", {}, timeline(all, row, facts, panel, jump), list);
}

function neighbour(one, row, facts, jump) {
  const when = one.start === null ? "" : `${number(one.start, 1)} s `;
  const made = button("", () => jump(one.row), { "aria-current": one.row === row ? "true" : null });
  made.append(el("span", { class: "quiet" }, when, words(one.speaker), " "), swatch(facts.colours[one.emotion]), words(one.text || one.id));
  return made;
}

function timeline(all, row, facts, panel, jump) {
  const timed = all.filter(({ start, end }) => start !== null && end !== null && end > start);
  if (!timed.length) return el("p", { class: "quiet" }, "Nothing says when its utterances begin.");
  const speakers = [...new Set(timed.map(({ speaker }) => speaker))].sort();
  const width = Math.max(240, panel.clientWidth - 48);
  const [from, to] = [Math.min(...timed.map(({ start }) => start)), Math.max(...timed.map(({ end }) => end))];
  const x = (at) => ((at - from) / (to - from)) * width;
  const boxes = timed.map((one) => box(one, { x, row, lane: speakers.indexOf(one.speaker), facts, jump }));
  const names = speakers.map((name, lane) => svg("text", { x: 2, y: lane * (LANE + 14) + 11 }, name));
  const told = `${timed.length} utterances of ${speakers.join(" and ")}, ${number(from, 0)} to ${number(to, 0)} s`;
  return svg("svg", { role: "img", "aria-label": told, viewBox: `0 0 ${width} ${speakers.length * (LANE + 14)}`, class: "timeline" }, ...names, ...boxes);
}

function box(one, { x, row, lane, facts, jump }) {
  const made = svg("rect", { x: x(one.start), y: lane * (LANE + 14) + 14, width: Math.max(2, x(one.end) - x(one.start)), height: LANE, class: one.row === row ? "own" : "other" }, svg("title", {}, one.id));
  made.style.fill = facts.colours[one.emotion] ?? facts.colours.tie;
  made.addEventListener("click", () => jump(one.row));
  return made;
}
