"""The page is worked with keys and read out; a checker is asked too, where it can be had."""

import re
from itertools import pairwise

import pytest
from report_browser import browse
from report_page import html, without_scripts

from bench import asv_pages
from mnist_core.errors import DataError

pytestmark = pytest.mark.long

ACCESS = """
for (const details of all("details")) details.open = true;
await settle();
const named = (e) => (e.ariaLabel || e.labels?.[0]?.textContent || e.textContent).trim();
const visible = (e) => e.offsetParent !== null || e.localName === "dialog";
seen.nameless = all("button, select, input, a, summary, [role=region], [role=img]")
  .filter((e) => visible(e) && !named(e)).map((e) => e.outerHTML.slice(0, 80));
seen.tables = all("table").filter((e) => !e.caption?.textContent.trim()).length;
seen.headings = all("body > :not(dialog) :is(h1, h2, h3, h4)").map((e) => +e.localName[1]);
seen.ids = all("[id]").map((e) => e.id);
seen.targets = all("a[href^='#']:not([href^='#case-'])").map((e) => e.hash.slice(1));
seen.drawings = all("svg").filter((e) => !e.closest("[role=img]")).length;
const keys = all("button, select, input, a[href], summary, .scroll").filter(visible);
seen.unreached = keys.filter((e) => e.tabIndex < 0).length;
keys.at(-1).focus({ focusVisible: true });
seen.outline = view.getComputedStyle(keys.at(-1)).outlineStyle;

// Contrast of every text with the first opaque ground behind it.
const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
  .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
function ground(e) {
  for (; e; e = e.parentElement) {
    const [r, g, b, a = 1] = rgb(view.getComputedStyle(e).backgroundColor);
    if (a === 1) return [r, g, b];
  }
  return [255, 255, 255];
}
seen.faint = [];
for (const e of all("body *")) {
  const text = [...e.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  if (!text || !visible(e) || e.closest("svg, script, style")) continue;
  const both = [light(rgb(view.getComputedStyle(e).color)), light(ground(e))];
  const [a, b] = both.sort((x, y) => y - x);
  if ((a + 0.05) / (b + 0.05) < 4.5) seen.faint.push(e.outerHTML.slice(0, 80));
}
"""


@pytest.mark.parametrize("scheme", [1, 0], ids=["light", "dark"])
def test_the_page_can_be_read_out_and_worked_with_keys(folder, scheme):
    seen = browse(folder, ACCESS, f"--blink-settings=preferredColorScheme={scheme}", width=1200)
    assert (seen["nameless"], seen["tables"], seen["drawings"]) == ([], 0, 0)
    levels = seen["headings"]
    assert levels[0] == levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))
    assert len(set(seen["ids"])) == len(seen["ids"])
    assert set(seen["targets"]) <= set(seen["ids"])
    assert (seen["unreached"], seen["outline"], seen["faint"]) == (0, "solid", [])


AXE = asv_pages.Package(
    "axe-core", "4.14.1", "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745"
)
CHECK = """
for (const details of all("details")) details.open = true;
await settle();
const found = await view.axe.run(page, { resultTypes: ["violations"] });
seen.found = found.violations.map((v) => [v.id, v.impact, v.nodes[0].html]);
seen.passed = found.passes.length;
"""


@pytest.mark.parametrize("scheme", [1, 0], ids=["light", "dark"])
@pytest.mark.parametrize("hash", ["", "#case-1"], ids=["page", "case"])
def test_a_checker_of_accessibility_finds_nothing(folder, tmp_path, scheme, hash):
    try:
        checker = asv_pages.fetched(AXE) / "axe.min.js"
    except DataError as error:
        if "cannot fetch" in str(error):
            pytest.skip(f"no network: {error}")
        raise
    # The page's policy would not let the checker run.
    free = re.sub(r'<meta http-equiv="Content-Security-Policy".*?>', "", html(folder))
    assert "Security" not in without_scripts(free)
    script = checker.read_text(encoding="utf-8").replace("</script", "<\\/script")
    body = free.rindex("</body>")
    whole = f"{free[:body]}<script>{script}</script>{free[body:]}"
    (tmp_path / "report.html").write_text(whole, encoding="utf-8")
    options = f"--blink-settings=preferredColorScheme={scheme}"
    seen = browse(tmp_path, CHECK, options, width=1200, hash=hash)
    assert seen["found"] == []
    assert seen["passed"] > 20
