// The exploring part of the report: choices at the top, charts that follow them, tables beside.
// It reads what the page was written with and loads nothing; without it the page's tables remain.

const read = (id) => JSON.parse(document.getElementById(id).textContent);

// Columns as the page holds them become rows.
function rowsOf(columns) {
  const names = Object.keys(columns);
  return columns[names[0]].map((_, i) => Object.fromEntries(names.map((name) => [name, columns[name][i]])));
}

const ROWS = rowsOf(read("rows"));
const CHARTS = read("charts");
const LOOK = { background: "transparent", font: "system-ui, sans-serif", ...read("look") };
const choices = [...document.querySelectorAll("#choices select")];

// Rows of the chosen setting, as far as a chart follows it and can draw them.
function chosen(chart) {
  const rows = chart.rows.length
    ? chart.rows
    : ROWS.filter((row) => row.status === "ok" && (!chart.levels.length || chart.levels.includes(row.level)));
  const followed = choices.filter(
    (choice) => !chart.free.includes(choice.name) && !(choice.name === "level" && chart.levels.length),
  );
  return rows.filter(
    (row) =>
      chart.needs.every((name) => row[name] > 0) &&
      // What does not apply to a row, such as the cache to an epoch, does not rule it out.
      followed.every((choice) => !row[choice.name] || row[choice.name] === choice.value),
  );
}

const views = new Map();

// A chart is made when there is first something to draw: of no rows, scales have no ends.
async function draw(chart) {
  const rows = chosen(chart);
  document.getElementById(chart.id).closest("figure").classList.toggle("empty", rows.length === 0);
  if (!rows.length) return;
  if (views.has(chart.id)) {
    await views.get(chart.id).data("rows", rows).runAsync();
    return;
  }
  const made = await vegaEmbed(`#${chart.id}`, { ...chart.spec, datasets: { ...chart.spec.datasets, rows } }, {
    ast: true, actions: false, renderer: "svg", config: LOOK,
  });
  views.set(chart.id, made.view);
}

async function main() {
  for (const chart of CHARTS) await draw(chart);
  for (const choice of choices) choice.addEventListener("change", () => CHARTS.forEach(draw));
  document.body.dataset.drawn = CHARTS.length;
}

main();
