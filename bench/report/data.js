// What the page was written with.

const read = (id) => JSON.parse(document.getElementById(id).textContent);

// Columns become rows; of a column in which values return, each is there once.
function rowsOf({ count, columns }) {
  const at = (column, i) => (Array.isArray(column) ? column[i] : column.values[column.at?.[i] ?? 0]);
  const names = Object.keys(columns);
  const row = (i) => Object.fromEntries(names.map((name) => [name, at(columns[name], i)]));
  return Array.from({ length: count }, (_, i) => ({ ...row(i), place: i }));
}

const TABLES = { rows: rowsOf(read("rows")), steps: rowsOf(read("steps")) };
const ROWS = TABLES.rows;
const CHARTS = read("charts");
const FIELDS = read("fields");
const COPIED = read("copied");
const RECORDED = read("recorded");
const LOOK = { background: "transparent", font: "system-ui, sans-serif", ...read("look") };

const LEGEND = 135; // pixels for a name and its colour

// The expressions of charts are interpreted, for the page lets nothing be compiled.
function embed(place, spec, datasets) {
  const columns = Math.max(1, Math.floor(document.querySelector(place).clientWidth / LEGEND));
  const legend = { ...LOOK.legend, columns, labelLimit: LEGEND - 25 };
  const config = { ...LOOK, legend };
  return vegaEmbed(place, { ...spec, datasets: { ...spec.datasets, ...datasets } }, { ast: true, actions: false, renderer: "svg", config });
}
