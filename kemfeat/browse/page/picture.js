// Arrays of frames as a picture over time, with a scale, a zoom, and the place of the sound.
import { el, number } from "./dom.js";
import { get } from "./api.js";
import { steps } from "./series.js";

const HEIGHT = 200;
const LEFT = 46;
const RIGHT = 58;
const BELOW = 20;
const MOST = 16; // times
// Viridis (Smith and van der Walt, 2015) at eight places.
const VIRIDIS = [[68, 1, 84], [70, 50, 127], [54, 92, 141], [39, 127, 142], [31, 161, 135], [74, 194, 109], [159, 218, 58], [253, 231, 37]];

function colour(share) {
  const place = share * (VIRIDIS.length - 1);
  const [low, high] = [VIRIDIS[Math.floor(place)], VIRIDIS[Math.ceil(place)]];
  return low.map((value, part) => Math.round(value + (high[part] - value) * (place % 1)));
}

const COLOURS = Array.from({ length: 256 }, (_, level) => (level ? [...colour((level - 1) / 254), 255] : [128, 128, 128, 60]));

export function pictures(about, facts, panel) {
  const chooser = el("select", {}, ...about.pictures.map((name) => el("option", {}, name)));
  const figure = el("div", { class: "picture" });
  const draw = () => load(about, chooser.value, figure, panel);
  chooser.addEventListener("change", draw);
  draw();
  const label = about.pictures.length > 1 ? el("label", {}, "Array ", chooser) : null;
  return el("div", {}, label, figure);
}

async function load(about, array, figure, panel) {
  try {
    const given = await get("picture", new URLSearchParams({ row: about.row, array }));
    figure.replaceChildren(...view(given, about, panel));
  } catch (error) {
    figure.replaceChildren(el("p", { class: "problem" }, error.message));
  }
}

function pixels({ frames, bands, levels }) {
  const bytes = Uint8Array.from(atob(levels), (letter) => letter.charCodeAt(0));
  const image = new ImageData(frames, bands);
  for (let frame = 0; frame < frames; frame += 1)
    for (let band = 0; band < bands; band += 1)
      image.data.set(COLOURS[bytes[frame * bands + band]], 4 * ((bands - 1 - band) * frames + frame));
  const made = el("canvas", { width: frames, height: bands });
  made.getContext("2d").putImageData(image, 0, 0);
  return made;
}

function view(given, about, panel) {
  if (!given.frames) return [el("p", { class: "quiet" }, "The store has no frames of it.")];
  const image = pixels(given);
  const seconds = given.frames / given.rate;
  const told = `${given.title}, ${number(seconds, 1)} s, ${axis(given)}, ${number(given.low, 1)} to ${number(given.high, 1)} ${given.unit}`;
  const canvas = el("canvas", { role: "img", "aria-label": told });
  const head = el("div", { class: "playhead", hidden: true });
  const zoom = el("input", { type: "range", min: 0, max: Math.log2(MOST), step: 0.5, value: 0 });
  const from = el("input", { type: "range", min: 0, max: 1, step: 0.01, value: 0, disabled: true });
  const state = { given, image, seconds, canvas, head, zoom, from, width: Math.max(260, panel.clientWidth - 48) };
  const redraw = () => paint(state);
  for (const input of [zoom, from]) input.addEventListener("input", redraw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  redraw();
  follow(panel.querySelector("audio"), state);
  return [el("p", { class: "quiet" }, given.title), el("div", { class: "frame" }, canvas, head), el("div", { class: "zoom" }, el("label", {}, "Zoom ", zoom), el("label", {}, "Place ", from))];
}

function axis({ frequencies, bands, band }) {
  return frequencies ? `${number(frequencies[0], 0)} to ${number(frequencies.at(-1), 0)} Hz` : `${bands} values of ${band}`;
}

function window_of({ seconds, zoom, from }) {
  const length = seconds / 2 ** zoom.value;
  from.disabled = Number(zoom.value) === 0;
  return [from.value * (seconds - length), length];
}

function paint(state) {
  const { given, image, canvas, width, seconds } = state;
  const scale = devicePixelRatio || 1;
  [canvas.width, canvas.height] = [width * scale, HEIGHT * scale];
  canvas.style.inlineSize = `${width}px`;
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  pen.imageSmoothingEnabled = false;
  const [begin, length] = window_of(state);
  const plot = { width: width - LEFT - RIGHT, height: HEIGHT - BELOW - 6 };
  pen.drawImage(image, (begin / seconds) * image.width, 0, (length / seconds) * image.width, image.height, LEFT, 6, plot.width, plot.height);
  pen.fillStyle = getComputedStyle(canvas).color;
  pen.font = "12px system-ui, sans-serif";
  times(pen, begin, length, plot);
  bands(pen, given, plot);
  legend(pen, given, width, plot);
  place(state);
}

function times(pen, begin, length, plot) {
  for (const at of steps(length, plot.width / 60)) {
    const x = LEFT + (at / length) * plot.width;
    pen.fillRect(x, 6 + plot.height, 1, 4);
    pen.textAlign = at ? "center" : "left";
    pen.fillText(`${number(begin + at, length < 2 ? 2 : 1)} s`, Math.min(x, LEFT + plot.width - 8), HEIGHT - 3);
  }
}

function bands(pen, { frequencies, bands: count }, plot) {
  pen.textAlign = "right";
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    const band = Math.round(share * (count - 1));
    const text = frequencies ? `${number(frequencies[band], 0)}` : String(band);
    const y = 6 + plot.height * (1 - (band + 0.5) / count);
    pen.fillText(text, LEFT - 4, Math.max(14, Math.min(y + 4, 6 + plot.height)));
  }
  if (frequencies) pen.fillText("Hz", LEFT - 4, HEIGHT - 3);
}

function legend(pen, { low, high, unit }, width, plot) {
  const x = width - RIGHT + 8;
  for (let y = 0; y < plot.height; y += 1) {
    const ink = pen.fillStyle;
    pen.fillStyle = `rgb(${colour(1 - y / plot.height).join(" ")})`;
    pen.fillRect(x, 6 + y, 10, 1.5);
    pen.fillStyle = ink;
  }
  pen.textAlign = "left";
  pen.fillText(short(high), x + 13, 16);
  pen.fillText(short(low), x + 13, 4 + plot.height);
  pen.fillText(unit, x + 13, 6 + plot.height / 2);
}

const short = (value) => (Math.abs(value) >= 100 || Number.isInteger(value) ? value.toFixed(0) : value.toPrecision(2));

function place({ head, sound, seconds, zoom, from, width }) {
  if (!sound) return;
  const [begin, length] = window_of({ seconds, zoom, from });
  const share = (sound.currentTime - begin) / length;
  head.hidden = share < 0 || share > 1;
  head.style.insetInlineStart = `${LEFT + share * (width - LEFT - RIGHT)}px`;
}

function follow(sound, state) {
  state.sound = sound;
  if (!sound) return;
  const step = () => {
    place(state);
    if (!sound.paused && state.canvas.isConnected) requestAnimationFrame(step);
  };
  for (const name of ["play", "seeked", "pause"]) sound.addEventListener(name, step);
}
