"use strict";

// Without this the page shows all that it shows with it: here are sorting, searching and printing what is folded.

for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  [...table.tHead.rows[0].cells].forEach((header, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    header.append(button);
    const value = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
    button.addEventListener("click", () => {
      const falls = header.getAttribute("aria-sort") === "ascending";
      for (const other of header.parentNode.cells) other.removeAttribute("aria-sort");
      header.setAttribute("aria-sort", falls ? "descending" : "ascending");
      const rows = [...body.rows].sort((one, other) =>
        value(one).localeCompare(value(other), undefined, { numeric: true }));
      body.append(...(falls ? rows.reverse() : rows));
    });
  });
}

for (const search of document.querySelectorAll(".search")) {
  const [input, output] = [search.querySelector("input"), search.querySelector("output")];
  const rows = [...document.getElementById(search.dataset.table).tBodies[0].rows];
  search.hidden = false;
  input.addEventListener("input", () => {
    const wanted = input.value.trim().toLowerCase();
    for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
    output.value = wanted ? `${rows.filter((row) => !row.hidden).length} of ${rows.length}` : "";
  });
}

addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});
