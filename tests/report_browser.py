"""A report opened from disk in headless Chromium, with nothing to reach, and what is done there."""

import json
import re
import shutil
import subprocess

import pytest

PROBE = """<!DOCTYPE html><body style="margin: 0">
<iframe src="report.html%(hash)s" style="width: %(width)spx; height: 800px; border: 0"></iframe>
<script>
const settle = () => new Promise((done) => setTimeout(done, 200));
async function until(what) {
  for (let tries = 0; !what() && tries < 1000; tries++) await settle();
  if (!what()) throw new Error("waited in vain for " + what);
}
addEventListener("load", async () => {
  const view = document.querySelector("iframe").contentWindow;
  const page = view.document;
  const all = (selector) => [...page.querySelectorAll(selector)];
  const seen = {};
  try {
    if (all("script").length) await until(() => page.body.dataset.drawn);
    %(act)s
  } catch (error) {
    seen.error = String(error);
  }
  document.body.textContent = JSON.stringify(seen);
});
</script>"""


def chromium(folder, *options):
    """Run the browser without a network; its output and what it complained of."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("chromium is not installed")
    done = subprocess.run(
        [
            program, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--host-resolver-rules=MAP * ~NOTFOUND", "--no-proxy-server",
            "--allow-file-access-from-files", "--enable-logging=stderr",
            f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=300000", *options,
        ],
        capture_output=True, text=True, timeout=240, check=True,
    )  # fmt: skip
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def browse(folder, act, *options, width=390, hash=""):
    """What the script `act` put into ``seen`` in a frame that shows folder/report.html.

    It has ``page``, its window ``view``, ``all`` (elements of a selector), ``settle`` and
    ``until``. A message in the console fails.
    """
    probe = folder / "probe.html"
    probe.write_text(PROBE % {"act": act, "width": width, "hash": hash}, encoding="utf-8")
    shown, complaints = chromium(folder, *options, "--dump-dom", probe.as_uri())
    assert not complaints
    text = re.search(r"<body[^>]*>(.*)</body>", shown, re.DOTALL).group(1)
    seen = json.loads(text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
    assert "error" not in seen, seen["error"]
    return seen
