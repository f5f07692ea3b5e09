// The second look at a case: its samples, its whole record, and how to measure it again.

const SAMPLES = read("samples");
const SAMPLE_CHARTS = read("sample-charts");
const COLOURS = read("colours");
const ENVIRONMENTS = read("environments");
const dialog = document.getElementById("case");
const part = (name) => document.getElementById(`case-${name}`);

function fill(record) {
  part("title").textContent = record.label + (record.role === "peer" ? " (peer)" : "");
  const conditions = [...new Set([record.level, record.what])];
  const named = { batch: "batch ", threads: "threads ", seed: "seed " };
  for (const name of ["network", "batch", "precision", "threads", "data", "cache", "seed"]) {
    const value = record[name] ?? "";
    if (value !== "") conditions.push((named[name] ?? "") + value + (name === "cache" ? " cache" : ""));
  }
  part("setting").textContent = conditions.join(" · ");
  part("environment").href = `#${ENVIRONMENTS[record.run_id] ?? "environment"}`;
  part("command").textContent = `${record.measure} ${record.conditions}`;
  const entries = RECORDED.filter((name) => (record[name] ?? "") !== "");
  part("record").replaceChildren(
    ...entries.flatMap((name) => [
      element("dt", {}, name),
      element("dd", {}, element("bdi", {}, String(record[name]))),
    ]),
  );
}

async function drawSamples(record) {
  const { of, power, taken } = SAMPLES[record.place] ?? { of: 0, taken: [] };
  part("samples").textContent =
    taken.length === 0
      ? "The page was written without the samples of this row."
      : `${taken.length < of ? `${taken.length} of ${of}` : of} samples, to four digits. ` +
        "The line is the median of all, the band its 95 % interval.";
  const step = Math.ceil(of / taken.length);
  const samples = taken.map((value, i) => ({
    sample: i * step + 1, seconds: value / 10 ** power, colour: COLOURS[record.backend],
  }));
  for (const [name, spec] of Object.entries(SAMPLE_CHARTS)) {
    part(name).replaceChildren();
    part(name).hidden = taken.length === 0;
    if (taken.length) await embed(`#case-${name}`, spec, { samples, row: [{ ...record }] });
  }
}

async function openCase() {
  const record = ROWS[/^#case-(\d+)$/.exec(location.hash)?.[1]];
  if (!record?.measure) return dialog.close();
  fill(record);
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  dialog.dataset.drawn = "";
  await drawSamples(record);
  dialog.dataset.drawn = record.place;
}

// Every timed row of a table that the page was written with links to its case.
function linkRows(table) {
  for (const row of table.querySelectorAll("tr[data-row]")) {
    const record = ROWS[row.dataset.row];
    recordOf.set(row, record);
    if (!record.measure) continue;
    const name = row.querySelector("bdi");
    const link = linked("", record);
    name.replaceWith(link);
    link.append(name);
  }
}

function equipCases() {
  const status = dialog.querySelector("[role=status]");
  dialog.querySelector(".copy").replaceWith(copier("Copy", () => part("command").textContent, status));
  dialog.querySelector(".close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => {
    status.textContent = "";
    if (location.hash.startsWith("#case-")) history.replaceState(null, "", "#");
  });
  addEventListener("hashchange", openCase);
  return openCase();
}
