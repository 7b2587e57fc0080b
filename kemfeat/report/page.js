"use strict";
// Tables are sorted by a click on a heading, or Enter or Space on it. Cells without a value stay last.
const byText = new Intl.Collator(undefined, { numeric: true });

const compare = (a, b) =>
  a.dataset.number !== undefined && b.dataset.number !== undefined
    ? a.dataset.number - b.dataset.number
    : byText.compare(a.textContent, b.textContent);

function sort(table, column, direction) {
  const body = table.tBodies[0];
  const cell = (row) => row.cells[column];
  const empty = (row) => "nothing" in cell(row).dataset;
  const rows = [...body.rows].sort(
    (a, b) => empty(a) - empty(b) || (empty(a) ? 0 : direction * compare(cell(a), cell(b))),
  );
  body.append(...rows);
}

function makeSortable(table) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const rising = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", rising ? "ascending" : "descending");
      sort(table, column, rising ? 1 : -1);
    });
  });
}

document.querySelectorAll("table").forEach((table) => {
  if (table.tHead && table.tBodies[0].rows.length > 1) makeSortable(table);
});

// A line of a test is copied by its button, or selected where the browser allows no copying.
function select(node) {
  const range = document.createRange();
  range.selectNodeContents(node);
  getSelection().removeAllRanges();
  getSelection().addRange(range);
}

function makeCopyable(item) {
  const line = item.firstElementChild;
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.setAttribute("aria-label", `Copy: ${line.textContent}`);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(line.textContent);
      button.textContent = "Copied";
    } catch {
      select(line);
      button.textContent = "Selected";
    }
  });
  item.append(" ", button);
}

document.querySelectorAll(".apa li").forEach(makeCopyable);
