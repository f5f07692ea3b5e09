// Tables that sort by a click on a head, filter by words, and copy what they show, with all digits.

// Rows of the results, or of a chart, by the element that shows them.
const recordOf = new WeakMap();
const natural = new Intl.Collator("en", { numeric: true });

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// A button that says beside it what came of it.
function copier(name, text, status) {
  const button = element("button", { type: "button" }, name);
  button.addEventListener("click", async () => {
    status.textContent = (await copied(text(), button)) ? "copied" : "this browser does not let a page copy";
  });
  return button;
}

async function copied(text, button) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Opened from disk, some browsers have no such clipboard, or refuse it. The text must be where
    // the button is: beside an open dialog nothing can be selected.
    const area = element("textarea", { readonly: "", "aria-hidden": "true", class: "unseen" });
    area.value = text;
    button.after(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    button.focus();
    return done;
  }
}

const asCsv = (rows) => rows.map((row) => row.map(csvCell).join(",")).join("\n") + "\n";
const csvCell = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

function asMarkdown([head, ...rows]) {
  const line = (cells) => `| ${cells.map(markdownCell).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n") + "\n";
}
const markdownCell = (text) =>
  text.replace(/\s+/g, " ").replace(/[\\|`*[\]]/g, "\\$&").replaceAll("&", "&amp;").replaceAll("<", "&lt;");

// What a filter looks through: the values, and not what stands around them.
function saidOf(row) {
  const record = recordOf.get(row);
  const heads = [...row.closest("table").tHead.rows[0].cells];
  const values = heads.map((head) => shown(record, head.dataset.column));
  const { role = "", status = "", reason = "" } = record;
  return [...values, role, status, reason].join(" ");
}

// Gives a table its controls; returns what is to be called when its rows were changed.
function equip(table, copiedColumns, said = saidOf) {
  const heads = [...table.tHead.rows[0].cells];
  const status = element("span", { role: "status", class: "note" });
  const filter = element("input", { type: "search", autocomplete: "off", spellcheck: "false" });
  const sorting = { column: null, sign: 1 };

  const listed = (body) => [...body.rows].filter((row) => recordOf.has(row));
  const seen = () => [...table.tBodies].flatMap(listed).filter((row) => !row.hidden);

  function order(a, b) {
    const [x, y] = [a, b].map((row) => recordOf.get(row)[sorting.column]);
    const [none, other] = [x, y].map((value) => value === null || value === undefined || value === "");
    if (none || other) return none - other; // what is missing stays at the end
    const both = typeof x === "number" && typeof y === "number";
    return sorting.sign * (both ? x - y : natural.compare(x, y));
  }

  function sort() {
    if (sorting.column === null) return;
    for (const body of table.tBodies) body.append(...listed(body).sort(order));
    for (const head of heads) head.removeAttribute("aria-sort");
    const head = heads.find((one) => one.dataset.column === sorting.column);
    head.setAttribute("aria-sort", sorting.sign > 0 ? "ascending" : "descending");
  }

  function sift() {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let total = 0;
    for (const body of table.tBodies) {
      const group = body.querySelector('th[scope="rowgroup"]')?.textContent ?? "";
      const rows = listed(body);
      for (const row of rows) {
        const text = `${group} ${said(row)}`.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
      }
      body.hidden = rows.length > 0 && rows.every((row) => row.hidden);
      total += rows.length;
    }
    status.textContent = words.length ? `${seen().length} of ${total} rows` : "";
  }

  // What is shown, in its order; the figures are those of the results, with all their digits.
  function cells() {
    const records = seen().map((row) => recordOf.get(row));
    const has = (column) => records.some((record) => (record[column] ?? "") !== "");
    const columns = copiedColumns.filter(has);
    return [columns, ...records.map((record) => columns.map((name) => String(record[name] ?? "")))];
  }

  // What is shown, as it is shown; the titles of groups are a column.
  function texts() {
    const rows = seen();
    const text = (cell) => cell.innerText.trim();
    const titles = rows.map((row) => row.parentElement.querySelector('th[scope="rowgroup"]'));
    const titled = titles.some(Boolean);
    const head = [...(titled ? ["case"] : []), ...heads.map(text)];
    const lines = rows.map((row, i) => [...(titled ? [titles[i] ?? ""] : []), ...row.cells]);
    const written = (line) => head.map((_, i) => (line[i] ? text(line[i]) : ""));
    return [head, ...lines.map(written)];
  }

  for (const head of heads) {
    const button = element("button", { type: "button", class: "sort" }, ...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const same = sorting.column === head.dataset.column;
      Object.assign(sorting, { column: head.dataset.column, sign: same ? -sorting.sign : 1 });
      sort();
    });
  }
  filter.addEventListener("input", sift);
  const name = table.caption.closest("[aria-label]").getAttribute("aria-label");
  const tools = element(
    "div",
    { class: "tools", role: "group", "aria-label": name },
    element("label", {}, "filter ", filter),
    copier("Copy as CSV", () => asCsv(cells()), status),
    copier("Copy as Markdown", () => asMarkdown(texts()), status),
    status,
  );
  table.closest(".scroll").before(tools);

  return () => {
    sort();
    sift();
  };
}

// A table of which the page knows no more than it shows: of some cells the number behind the text,
// and of a cut hash the whole.
function equipShown(table) {
  const heads = [...table.tHead.rows[0].cells];
  const columns = heads.map((head) => (head.dataset.column = head.textContent.trim()));
  const value = (cell) =>
    "value" in cell.dataset
      ? Number(cell.dataset.value)
      : (cell.querySelector("code[title]")?.title ?? cell.textContent).trim();
  for (const row of table.tBodies[0].rows) {
    recordOf.set(row, Object.fromEntries([...row.cells].map((cell, i) => [columns[i], value(cell)])));
  }
  equip(table, columns, (row) => row.textContent);
}

// A row of a chart's numbers; a case's name links to what is known of it.
function rowOf(record, columns) {
  const cells = columns.map((column, i) => {
    const text = element("bdi", {}, shown(record, column));
    if (i) return element("td", { class: "number" }, text);
    const peer = record.role === "peer" ? [element("span", { class: "tag" }, " (peer)")] : [];
    return element("th", { scope: "row" }, record.measure ? linked(text, record) : text, ...peer);
  });
  const row = element("tr", {}, ...cells);
  recordOf.set(row, record);
  return row;
}

const linked = (name, record) => element("a", { href: `#case-${record.place}` }, name);
