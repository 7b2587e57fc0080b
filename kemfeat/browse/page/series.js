// Series of one utterance on one clock. What was not measured is hatched; what no sensor on a person gives is crossed.
import { el, number, svg } from "./dom.js";

const HEIGHT = 64;
const TICK = 14;

export function series(all, about, panel) {
  const seconds = Math.max(about.seconds, ...all.map(({ values, rate }) => values.length / rate)) || 1;
  const width = Math.max(240, panel.clientWidth - 48);
  const drawn = all.map((one) => figure(one, seconds, width));
  return el("div", {}, ...drawn, clock(seconds, width), el("p", { class: "quiet" }, "Hatched: not measured. Crossed: not plausible."));
}

function figure({ title, unit, values, rate, odd, constant }, seconds, width) {
  const known = values.filter((value) => value !== null);
  const heading = el("figcaption", {}, title);
  if (!known.length) return el("figure", {}, heading, el("p", { class: "quiet" }, "Nothing was measured."));
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const x = (place) => (place / rate / seconds) * width;
  const y = (value) => HEIGHT - 4 - (high > low ? (value - low) / (high - low) : 0.5) * (HEIGHT - 8);
  const range = `${number(low, 2)} to ${number(high, 2)} ${unit}`;
  const gaps = values.length - known.length;
  const told = `${range}${gaps ? `, ${gaps} of ${values.length} samples not measured` : ""}${odd.length ? `, ${odd.length} not plausible` : ""}${constant ? ", constant" : ""}`;
  const plot = svg("svg", { role: "img", "aria-label": `${title}: ${told}`, viewBox: `0 0 ${width} ${HEIGHT}`, class: "series" },
    ...holes(values).map(([from, to]) => svg("rect", { x: x(from), y: 0, width: x(to) - x(from), height: HEIGHT, fill: "url(#hatch)" })),
    ...lines(values, x, y),
    ...odd.map((place) => cross(x(place + 0.5), y(values[place]))));
  return el("figure", {}, heading, plot, el("p", { class: "quiet" }, told));
}

function holes(values) {
  const found = [];
  values.forEach((value, place) => {
    if (value !== null) return;
    if (found.at(-1)?.[1] === place) found.at(-1)[1] = place + 1;
    else found.push([place, place + 1]);
  });
  return found;
}

function lines(values, x, y) {
  const runs = [[]];
  values.forEach((value, place) => (value === null ? runs.push([]) : runs.at(-1).push(`${x(place)},${y(value)} ${x(place + 1)},${y(value)}`)));
  return runs.filter((run) => run.length).map((run) => svg("polyline", { points: run.join(" "), class: "line" }));
}

const cross = (x, y) => svg("path", { d: `M${x - 4} ${y - 4}l8 8m0 -8l-8 8`, class: "odd" });

export function steps(seconds, most) {
  const step = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60, 120, 300].find((size) => seconds / size <= most) ?? seconds;
  return Array.from({ length: Math.floor(seconds / step) + 1 }, (_, place) => place * step);
}

function clock(seconds, width) {
  const ticks = steps(seconds, width / 60).map((at) => {
    const x = (at / seconds) * width;
    return svg("text", { x: Math.min(width - 2, x + 2), y: TICK - 3, "text-anchor": x > width - 20 ? "end" : "start" }, `${number(at, at % 1 ? 1 : 0)} s`);
  });
  return svg("svg", { viewBox: `0 0 ${width} ${TICK}`, class: "series clock", "aria-hidden": "true" }, ...ticks);
}
