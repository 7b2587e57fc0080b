// The table: of any number of rows only those in sight exist, and rows are asked for in pages.
import { byId, el, number, swatch, words } from "./dom.js";
import { fail, get, parameters, recovered } from "./api.js";
import { ask, order, query, select, selected, view, watch } from "./state.js";

const PAGE = 100;
const KEPT = 60;
const TALLEST = 12_000_000; // px: browsers cannot make an element much taller
const EXTRA = 6;
const WIDTHS = { id: "minmax(7.5rem, 15rem)", text: "minmax(6rem, 4fr)", score: "5rem", why: "minmax(6rem, 8fr)", findings: "minmax(6rem, 1fr)", missing: "minmax(5rem, 1fr)" };
const WIDTH = { number: "6.5rem", tag: "minmax(5.5rem, 1fr)", text: "minmax(5.5rem, 1fr)" };
const LENS_COLUMNS = [
  { name: "score", title: "Score", kind: "number", decimals: 3, rank: 0 },
  { name: "why", title: "Why", kind: "text", decimals: 0, rank: 0 },
];
const EMOTIONS = ["emotion", "predicted"];
const ROOM = [[30, 0], [52, 1], [76, 2], [Infinity, 3]]; // rem: columns up to this rank

let facts, grid, head, body, height, columns;
let active = 0;
let anchor = 0;
let pages = new Map();
let asking = new Map();
let opened = () => {};

export function start(given, open) {
  facts = given;
  opened = open;
  grid = byId("grid");
  head = el("div", { role: "rowgroup", class: "head" });
  body = el("div", { role: "rowgroup", class: "rows" });
  grid.append(head, body);
  height = parseFloat(getComputedStyle(document.documentElement).fontSize) * 2.25;
  grid.addEventListener("scroll", () => requestAnimationFrame(render), { passive: true });
  grid.addEventListener("keydown", onKey);
  body.addEventListener("click", onClick);
  new ResizeObserver(arrange).observe(grid);
  watch("query", reload);
  watch("selection", render);
  reload();
}

function arrange() {
  const room = grid.clientWidth / (height / 2.25);
  const rank = ROOM.find(([least]) => room < least)[1];
  columns = shownColumns().filter((column) => column.rank <= rank);
  const widths = columns.map(({ name, kind }) => WIDTHS[name] ?? WIDTH[kind]);
  grid.style.setProperty("--columns", ["2.25rem", ...widths].join(" "));
  grid.setAttribute("aria-colcount", columns.length + 1);
  drawHead();
  body.replaceChildren();
  render();
}

// The columns in the order of the page: what a lens says is beside the id, and takes the room of other columns.
function shownColumns() {
  const placed = [...facts.columns, ...LENS_COLUMNS].map((column, place) => ({ ...column, place: place + 1 }));
  if (!query.lens) return placed.slice(0, facts.columns.length);
  const [id, ...others] = placed.slice(0, facts.columns.length);
  return [id, ...placed.slice(facts.columns.length), ...others.map((column) => ({ ...column, rank: column.rank + 2 }))];
}

function drawHead() {
  const cells = columns.map((column, place) => {
    const sorted = query.sort === column.name ? (query.descending ? "descending" : "ascending") : null;
    const sorter = el("button", { type: "button", tabindex: "-1", title: column.title }, column.title);
    sorter.addEventListener("click", () => ask({ sort: column.name, descending: sorted === "ascending" }));
    return el("div", { role: "columnheader", "aria-colindex": place + 2, "aria-sort": sorted, class: column.kind }, sorter);
  });
  const box = el("div", { role: "columnheader", "aria-colindex": 1 }, el("span", { class: "hidden" }, "Selected"));
  head.replaceChildren(el("div", { role: "row", "aria-rowindex": 1 }, box, ...cells));
}

async function reload() {
  asking.forEach((control) => control.abort());
  [pages, asking] = [new Map(), new Map()];
  await page(0);
  active = Math.min(active, Math.max(0, view.total - 1));
  arrange();
}

async function page(at) {
  if (pages.has(at) || asking.has(at)) return;
  const control = new AbortController();
  const mine = pages;
  asking.set(at, control);
  try {
    const found = await get("rows", parameters(query, { offset: at * PAGE, limit: PAGE }), control.signal);
    if (mine !== pages) return;
    pages.set(at, found.rows);
    if (pages.size > KEPT) pages.delete(pages.keys().next().value);
    recovered();
    if (view.total !== found.total || at === 0) resize(found.total);
  } catch (error) {
    fail(error);
  } finally {
    if (mine === pages) asking.delete(at);
  }
  if (mine === pages) render();
}

function resize(total) {
  view.total = total;
  byId("empty").hidden = total > 0;
  grid.setAttribute("aria-rowcount", total + 1);
  body.style.blockSize = `${Math.min(total * height, TALLEST)}px`;
  grid.dispatchEvent(new CustomEvent("total"));
}

const sight = () => Math.max(1, Math.floor((grid.clientHeight - head.offsetHeight) / height));
const capped = () => view.total * height > TALLEST;
const slack = () => Math.max(1, body.clientHeight - (grid.clientHeight - head.offsetHeight));

function first() {
  if (!capped()) return Math.floor(grid.scrollTop / height);
  return Math.round((grid.scrollTop / slack()) * (view.total - sight()));
}

function reveal(index) {
  const [top, rows] = [first(), sight()];
  const wanted = index < top ? index : index >= top + rows ? index - rows + 1 : null;
  if (wanted === null) return;
  grid.scrollTop = capped() ? (wanted / (view.total - rows)) * slack() : wanted * height;
}

function render() {
  if (!columns) return;
  const top = first();
  const from = Math.max(0, top - EXTRA);
  const to = Math.min(view.total, top + sight() + EXTRA + 1);
  const shown = new Map([...body.children].map((row) => [Number(row.dataset.index), row]));
  for (const [index, row] of shown) if (index < from || index >= to || row.dataset.empty) row.remove();
  for (let index = from; index < to; index += 1) {
    const old = shown.get(index);
    const row = old?.isConnected ? old : drawn(index);
    row.style.insetBlockStart = `${capped() ? grid.scrollTop + (index - top) * height : index * height}px`;
    mark(row, index);
  }
  for (let at = Math.floor(from / PAGE); at * PAGE < to; at += 1) page(at);
  grid.setAttribute("aria-activedescendant", view.total ? `row-${active}` : "");
}

const cellsOf = (index) => pages.get(Math.floor(index / PAGE))?.[index % PAGE];

function drawn(index) {
  const cells = cellsOf(index);
  const row = el("div", { role: "row", id: `row-${index}`, "aria-rowindex": index + 2, "data-index": index, "data-empty": !cells });
  const box = cells ? el("input", { type: "checkbox", tabindex: "-1", "aria-label": `Select ${cells[1]}` }) : "";
  row.append(el("div", { role: "gridcell", "aria-colindex": 1, class: "box" }, box));
  columns.forEach((column, place) => row.append(cell(column, cells?.[column.place], place + 2)));
  if (cells) row.dataset.row = cells[0];
  body.append(row);
  return row;
}

function cell(column, value, place) {
  const attributes = { role: "gridcell", "aria-colindex": place, class: column.kind };
  if (column.kind === "number") return el("div", attributes, value === undefined ? "" : number(value, column.decimals));
  const made = words(value, "div", attributes);
  if (column.name === "id") made.classList.add("id");
  if (value) made.title = value;
  if (EMOTIONS.includes(column.name) && value) made.prepend(swatch(facts.colours[value] ?? facts.colours.tie));
  return made;
}

function mark(row, index) {
  const chosen = row.dataset.row !== undefined && selected.has(Number(row.dataset.row));
  row.setAttribute("aria-selected", chosen);
  row.classList.toggle("active", index === active);
  const box = row.querySelector("input");
  if (box) box.checked = chosen;
}

function move(index) {
  active = Math.max(0, Math.min(view.total - 1, index));
  reveal(active);
  render();
}

async function range(to) {
  const rows = await order();
  const [from, until] = [Math.min(anchor, to), Math.max(anchor, to)];
  select(rows.subarray(from, until + 1), true);
}

function toggle(index, extend) {
  if (extend) return range(index).catch(fail);
  anchor = index;
  const row = cellsOf(index)?.[0];
  if (row !== undefined) select([row], !selected.has(row));
  return undefined;
}

function open(index) {
  const cells = cellsOf(index);
  if (cells) opened(cells[0]);
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || !view.total) return;
  const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: sight(), PageUp: -sight(), Home: -active, End: view.total };
  if (event.key in steps) move(active + steps[event.key]);
  else if (event.key === "Enter") open(active);
  else if (event.key === " ") toggle(active, event.shiftKey);
  else return;
  if (event.shiftKey && event.key.startsWith("Arrow")) toggle(active, true);
  event.preventDefault();
}

function onClick(event) {
  const row = event.target.closest("[role=row]");
  if (!row) return;
  active = Number(row.dataset.index);
  grid.focus({ preventScroll: true });
  if (event.target.closest(".box")) {
    event.preventDefault();
    setTimeout(() => toggle(active, event.shiftKey)); // after the browser has undone its own change
  } else open(active);
  render();
}

// Bring the row of an utterance to sight, where the view has it.
export async function show(row) {
  const { place } = await get("place", parameters(query, { row }));
  if (place !== null) move(place);
}
