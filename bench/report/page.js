// The exploring part of the report: choices at the top, charts that follow them, tables beside.
// It reads what the page was written with and loads nothing; without it the page's tables remain.

const choices = [...document.querySelectorAll("#choices select")];

// Choices that a chart follows.
const followed = (chart) =>
  choices.filter(
    (choice) => !chart.free.includes(choice.name) && !(choice.name === "level" && chart.levels.length),
  );

// Rows of the chosen setting, as far as a chart follows it and can draw them.
function chosen(chart) {
  const timed = (row) =>
    row.status === "ok" && (!chart.levels.length || chart.levels.includes(row.level));
  const rows = TABLES[chart.data] === ROWS ? ROWS.filter(timed) : TABLES[chart.data];
  const rules = followed(chart);
  return rows.filter(
    (row) =>
      chart.needs.every((name) => row[name] > 0) &&
      // What does not apply to a row, such as the cache to an epoch, does not rule it out.
      rules.every((choice) => !row[choice.name] || row[choice.name] === choice.value),
  );
}

const views = new Map();

// A chart is made when there is first something to draw: of no rows, scales have no ends.
async function draw(chart) {
  const rows = chosen(chart);
  const figure = document.getElementById(chart.id).closest("figure");
  figure.classList.toggle("empty", rows.length === 0);
  const said = (choice) => `${choice.labels[0].firstChild.textContent.trim()} ${choice.selectedOptions[0].text}`;
  figure.querySelector(".setting").textContent = followed(chart)
    .filter((choice) => rows.some((row) => row[choice.name]))
    .map(said)
    .join(" · ");
  if (!rows.length) return;
  // Copies, for a chart writes into its rows.
  const data = rows.map((row) => ({ ...row }));
  if (views.has(chart.id)) {
    await views.get(chart.id).data(chart.data, data).runAsync();
    return;
  }
  const made = await embed(`#${chart.id}`, chart.spec, { [chart.data]: data });
  views.set(chart.id, made.view);
}

// The numbers of a chart are written when somebody looks at them; gives what writes them anew.
function equipNumbers(chart) {
  const details = document.getElementById(chart.id).closest("figure").querySelector(".numbers");
  const table = details.querySelector("table");
  const arrange = equip(table, chart.table);
  const write = () => {
    if (!details.open) return;
    table.tBodies[0].replaceChildren(...chosen(chart).map((row) => rowOf(row, chart.table)));
    arrange();
  };
  details.addEventListener("toggle", write);
  return write;
}

async function main() {
  for (const table of document.querySelectorAll("table.times")) {
    linkRows(table);
    equip(table, COPIED);
  }
  for (const table of document.querySelectorAll("table.shown")) equipShown(table);
  const numbers = CHARTS.map(equipNumbers);
  for (const choice of choices) {
    choice.addEventListener("change", () => {
      CHARTS.forEach(draw);
      numbers.forEach((write) => write());
    });
  }
  for (const chart of CHARTS) await draw(chart);
  await equipCases();
  document.body.dataset.drawn = CHARTS.length;
}

main();
