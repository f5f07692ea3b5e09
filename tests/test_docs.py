"""What README and CONTRIBUTING show works as they show it."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
README = (ROOT / "README.md").read_text()

EXAMPLES = re.findall(r"```python\n# (\w+\.py)\n(.*?)```", CONTRIBUTING, re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


def commands(text: str) -> list[str]:
    """Commands in the console blocks of a page, with their continuation lines joined."""
    blocks = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    lines = "".join(blocks).replace("\\\n", "").splitlines()
    return [line[2:] for line in lines if line.startswith("$ ")]


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command as a reader would, in an empty folder outside the repository."""
    scripts = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        shlex.split(command), cwd=folder, env=environment, capture_output=True, text=True
    )


def example_command(file: str) -> str:
    (found,) = [c for c in commands(CONTRIBUTING) if file in c]
    return found


def test_contributing_has_a_kernel_a_backend_and_an_operator() -> None:
    assert [name for name, _ in EXAMPLES] == ["logsumexp.py", "inplace.py", "leaky_relu.py"]


@pytest.mark.long
def test_example_kernel_without_its_last_line_is_refused(tmp_path: Path) -> None:
    file, code = EXAMPLES[0]
    broken = code.replace("    dlogits /= len(labels)\n", "")
    assert broken != code
    (tmp_path / file).write_text(broken)
    command = example_command(file) + " --network 784-32-10 --level step --out out"
    result = run(command, tmp_path)
    assert result.returncode == 1
    assert "softmax_cross_entropy/shifted: dlogits differs from the reference" in result.stdout


@pytest.mark.long
@pytest.mark.parametrize(("file", "code"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_command_of_contributing_works_to_the_letter(file: str, code: str, tmp_path: Path) -> None:
    (tmp_path / file).write_text(code)
    result = run(example_command(file), tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "refused" not in result.stdout
    (report,) = re.findall(r"^report +(\S+)$", result.stdout, re.MULTILINE)
    assert (tmp_path / report).is_file()


@pytest.mark.long
def test_readme_from_top_to_bottom(tmp_path: Path) -> None:
    python = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    (kernel,) = [code for code in python if code.startswith("# mine.py")]
    (tmp_path / "mine.py").write_text(kernel)
    shutil.copytree(ROOT / "results" / "reference", tmp_path / "results" / "reference")
    for command in commands(README):
        if not command.startswith("make "):  # those are run by test_fresh_clone.py
            result = run(command, tmp_path)
            assert result.returncode == 0, command + result.stdout + result.stderr
    (pandas,) = [code for code in python if "bench.results" in code]
    (tmp_path / "rows.py").write_text(pandas)
    result = run(f"{sys.executable} rows.py", tmp_path)
    assert result.returncode == 0, result.stderr
    assert "numba" in result.stdout


@pytest.mark.parametrize("page", sorted(ROOT.glob("*.md")) + sorted(ROOT.glob("docs/**/*.md")))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"
