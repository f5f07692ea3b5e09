"""What a pointer finds: figures with their intervals, and names that stay text."""

import pandas as pd
import pytest
from report_browser import browse
from report_page import HOSTILE, RUN, frame, row
from test_questions import ALL, PEAKS, certificates, everything

from bench import report

pytestmark = pytest.mark.long

# Every mark of every chart is pointed at; what its tooltip says, as text and as elements.
POINT = """
const pointed = (mark, name) => {
  const { x, y, width, height } = mark.getBoundingClientRect();
  const at = { bubbles: true, clientX: x + width / 2, clientY: y + height / 2, view };
  mark.dispatchEvent(new view.PointerEvent(name, at));
};
seen.said = {};
for (const figure of all("figure.explored")) {
  const said = new Set();
  const marks = figure.querySelectorAll("svg [class*=role-mark] path");
  for (const mark of marks) {
    pointed(mark, "pointermove");
    const tip = page.getElementById("vg-tooltip-element");
    if (tip?.classList.contains("visible")) said.add(tip.textContent);
    pointed(mark, "pointerout");
  }
  seen.said[figure.querySelector(".chart > div").id] = [...said];
}
seen.loads = all("img, iframe, object, link, base, #vg-tooltip-element script").length;
"""


def test_every_chart_tells_its_figures_to_a_pointer(tmp_path):
    rows = [r | {"run_id": run} for run in "ab" for r in everything()]
    peaks = {run: {"peaks": PEAKS} for run in "ab"}
    report.write(tmp_path / "report.html", frame(*rows), certificates(), peaks)
    seen = browse(tmp_path, POINT, width=1200)
    assert [*seen["said"]] == [*ALL, "history"]
    for chart, said in seen["said"].items():
        assert any("fast" in text for text in said), chart
    assert any("[" in text for text in seen["said"]["heatmap"])
    assert any("launches and rest" in text for text in seen["said"]["step-parts"])


def test_hostile_names_are_text_in_a_tooltip(tmp_path):
    rows = [row(name, 2 + i, operator=name) for i, name in enumerate(HOSTILE)]
    report.write(
        tmp_path / "report.html", frame(row("numpy", 1), *rows), [], {RUN: {}}, pd.DataFrame()
    )
    seen = browse(tmp_path, POINT, width=1200)
    said = " ".join(text for texts in seen["said"].values() for text in texts)
    assert seen["loads"] == 0
    for name in HOSTILE:
        assert " ".join(name.split())[:60] in " ".join(said.split())
