// Valence and arousal: each rater a small mark, the utterance a large one.
import { el, number, svg } from "./dom.js";

const SIZE = 180;
const EDGE = 26;

export function plane({ valence, arousal, votes, about }, facts) {
  if (valence === null || arousal === null) return "It has no ratings of both valence and arousal.";
  const { low, high } = facts.scale;
  const x = (value) => EDGE + ((value - low) / (high - low)) * (SIZE - EDGE - 8);
  const y = (value) => SIZE - EDGE - ((value - low) / (high - low)) * (SIZE - EDGE - 8);
  const raters = (votes.ratings ?? []).filter(([, , , v, a]) => v !== null && a !== null);
  const told = `valence ${number(valence)}, arousal ${number(arousal)}, on scales of ${low} to ${high}`;
  const mark = svg("circle", { cx: x(valence), cy: y(arousal), r: 7, class: "mean" });
  mark.style.fill = facts.colours[about.emotion] ?? "";
  const plot = svg("svg", { role: "img", "aria-label": told, viewBox: `0 0 ${SIZE} ${SIZE}`, class: "plane" },
    svg("rect", { x: x(low), y: y(high), width: x(high) - x(low), height: y(low) - y(high), class: "frame" }),
    svg("path", { d: `M${x((low + high) / 2)} ${y(low)}V${y(high)}M${x(low)} ${y((low + high) / 2)}H${x(high)}`, class: "middle" }),
    ...raters.map(([, , , v, a]) => svg("circle", { cx: x(v), cy: y(a), r: 3, class: "rater" })),
    mark,
    svg("text", { x: x((low + high) / 2), y: SIZE - 4, "text-anchor": "middle" }, "valence"),
    svg("text", { x: 12, y: y((low + high) / 2), "text-anchor": "middle", transform: `rotate(-90 12 ${y((low + high) / 2)})` }, "arousal"),
    svg("text", { x: x(low), y: SIZE - EDGE + 14 }, low), svg("text", { x: x(high), y: SIZE - EDGE + 14, "text-anchor": "end" }, high));
  return el("div", {}, plot, el("p", { class: "quiet" }, `${told}; small: each rater`));
}
