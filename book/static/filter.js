// Filters a table by text and by the values of some columns. A table with the class `course-filter` gets a form above it: a
// field for text, and a choice for each class `by-NAME`, where NAME is the heading of a column. Without JavaScript the
// table stands there whole.
(() => {
  const words = (node) => node.textContent.replace(/\s+/g, " ").trim();
  const element = (name, attributes = {}, ...children) => {
    const made = Object.assign(document.createElement(name), attributes);
    made.append(...children);
    return made;
  };

  const equip = (table) => {
    const rows = [...table.tBodies[0].rows].map((row) => ({ row, text: words(row).toLowerCase() }));
    const headings = [...table.tHead.rows[0].cells].map(words);
    const columns = headings.filter((heading) => table.classList.contains(`by-${heading.toLowerCase()}`));
    const value = (row, heading) => words(row.cells[headings.indexOf(heading)]);

    const search = element("input", { type: "search", autocomplete: "off" });
    const choices = columns.map((heading) => {
      const found = [...new Set(rows.map(({ row }) => value(row, heading)))];
      found.sort((a, b) => a.localeCompare(b, undefined, { numeric: true }));
      return element("select", {}, element("option", { value: "", textContent: "all" }), ...found.map((text) => element("option", { value: text, textContent: text })));
    });
    const count = element("p", { role: "status" });
    const clear = element("button", { type: "button", textContent: "Show all" });

    const apply = () => {
      const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const { row, text } of rows) {
        const holds = wanted.every((word) => text.includes(word))
          && choices.every((choice, i) => !choice.value || value(row, columns[i]) === choice.value);
        row.hidden = !holds;
        shown += holds;
      }
      const line = shown === rows.length ? `All ${shown} rows` : `${shown} of ${rows.length} rows`;
      if (count.textContent !== line) count.textContent = line;
      clear.disabled = shown === rows.length;
    };
    clear.addEventListener("click", () => {
      for (const field of [search, ...choices]) field.value = "";
      apply();
      search.focus();
    });
    const form = element("form", { className: "course-filter-form" },
      element("label", {}, "Find in the text", search),
      ...choices.map((choice, i) => element("label", {}, columns[i], choice)), clear, count);
    form.setAttribute("role", "search");
    form.setAttribute("aria-label", `Filter the table: ${headings[0]}`);
    form.addEventListener("input", apply);
    form.addEventListener("submit", (event) => event.preventDefault());
    // As cards on a narrow screen the rows would lose what they are for a screen reader.
    table.setAttribute("role", "table");
    for (const part of [table.tHead, table.tBodies[0]]) part.setAttribute("role", "rowgroup");
    for (const row of table.rows) {
      row.setAttribute("role", "row");
      for (const cell of row.cells) cell.setAttribute("role", cell.closest("thead") ? "columnheader" : cell.tagName === "TH" ? "rowheader" : "cell");
    }
    (table.closest(".pst-scrollable-table-container") ?? table).before(form);
    apply();
  };

  const run = () => document.querySelectorAll("table.course-filter").forEach(equip);
  document.readyState === "loading" ? addEventListener("DOMContentLoaded", run) : run();
})();
