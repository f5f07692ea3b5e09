"""The report in a real browser, and how long it takes to write."""

import json
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from report_page import HOSTILE, frame, refused, row, thousand_rows

from bench import report

PROBE = """<!DOCTYPE html><body style="margin: 0">
<iframe src="report.html" style="width: 390px; height: 800px; border: 0"></iframe>
<script>
addEventListener("load", () => {
  const page = document.querySelector("iframe").contentDocument;
  const root = page.documentElement;
  const bars = [...page.querySelectorAll("svg .mark-rect path")].filter(bar => bar.getBBox().width);
  const seen = {
    overflow: root.scrollWidth - root.clientWidth,
    charts: [...page.querySelectorAll("svg")].map(svg => svg.getBoundingClientRect().width),
    bars: bars.map(bar => page.defaultView.getComputedStyle(bar).fill),
    ink: page.defaultView.getComputedStyle(page.querySelector("svg text")).fill,
    scripts: page.querySelectorAll("script").length,
  };
  document.body.textContent = JSON.stringify(seen);
});
</script>"""


def browse(folder, *options):
    """Open the report in a frame as wide as a phone; return what was seen there, and the log."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("chromium is not installed")
    (folder / "probe.html").write_text(PROBE)
    done = subprocess.run(
        [
            chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--allow-file-access-from-files", "--enable-logging=stderr",
            f"--user-data-dir={folder / 'profile'}", *options, "--dump-dom",
            (folder / "probe.html").as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    seen = re.search(r"<body[^>]*>(.*)</body>", done.stdout, re.DOTALL).group(1)
    return json.loads(seen), [line for line in done.stderr.splitlines() if "CONSOLE" in line]


@pytest.mark.long
@pytest.mark.parametrize(("scheme", "ink"), [(1, "rgb(31, 35, 40)"), (0, "rgb(230, 237, 243)")])
def test_opens_from_disk_in_a_browser(tmp_path: Path, scheme, ink):
    rows = [row("numpy", 1), *(row(text, 2, kernel=text) for text in HOSTILE), refused(HOSTILE[2])]
    report.write(tmp_path / "report.html", frame(*rows), [], {"warnings": HOSTILE})
    seen, complaints = browse(tmp_path, f"--blink-settings=preferredColorScheme={scheme}")
    assert not complaints
    assert seen["overflow"] == 0
    assert seen["scripts"] == 0
    assert len(seen["charts"]) == 2
    assert all(200 < width <= 390 for width in seen["charts"])
    assert len(set(seen["bars"])) == 5
    assert seen["ink"] == ink


@pytest.mark.long
def test_thousand_rows_take_under_three_seconds():
    rows = frame(*thousand_rows())
    start = time.process_time()
    report.render(rows, [], {})
    assert time.process_time() - start < 3
