"""What is exported is what those services read; the workflow runs commands that exist."""

import json
import re
from pathlib import Path

import pytest
from command_line import mnist_bench

from bench.cli import main
from bench.exports import bencher, github_action_benchmark
from bench.results import frame, load

ROOT = Path(__file__).parents[1]
RUN = ROOT / "results" / "reference" / "epyc-2-cores"


@pytest.fixture(scope="module")
def table():
    return load(RUN)


def test_github_action_benchmark_gets_a_list_of_named_values(table):
    found = github_action_benchmark(table)
    assert len(found) == (table.status == "ok").sum()
    assert len({entry["name"] for entry in found}) == len(found)
    for entry in found:
        assert set(entry) == {"name", "unit", "value", "range", "extra"}
        assert entry["value"] > 0
        assert entry["unit"] == "µs"
        assert re.fullmatch(r"± [0-9.e+-]+", entry["range"])
        assert "certificate float32" in entry["extra"]


def test_bencher_gets_measures_with_bounds(table):
    found = bencher(table)
    assert len(found) == (table.status == "ok").sum()
    for measures in found.values():
        assert set(measures) == {"latency", "throughput"}
        for measure in measures.values():
            assert measure["lower_value"] <= measure["value"] <= measure["upper_value"]
    assert json.loads(json.dumps(found)) == found


def test_refused_rows_are_not_exported():
    refused = frame([{"backend": "a", "status": "refused", "level": "step", "batch": 1}])
    assert github_action_benchmark(refused) == []
    assert bencher(refused) == {}


def test_the_command_writes_to_stdout_or_a_file(tmp_path):
    shown = mnist_bench("report", RUN, "--format", "bencher")
    assert shown.returncode == 0
    file = tmp_path / "bench.json"
    written = mnist_bench("report", RUN, "--format", "github-action-benchmark", "--out", file)
    assert written.stdout == f"{file}\n"
    assert isinstance(json.loads(file.read_text()), list)
    assert isinstance(json.loads(shown.stdout), dict)
    refused = mnist_bench("report", RUN, "--format", "bencher", "--out", tmp_path / "no" / "x")
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1


def test_the_workflow_is_yaml_and_its_command_has_the_options_that_it_uses():
    import yaml

    workflow = yaml.safe_load((ROOT / "docs" / "benchmark.yml").read_text())
    steps = workflow["jobs"]["compare"]["steps"]
    (command,) = [step["run"] for step in steps if step.get("name") == "Compare"]
    words = command.split(" > ")[0].split()
    assert words[:4] == ["mnist-bench", "compare", '"$BASE"', '"$HEAD"']
    known = {option for p in main.commands["compare"].params for option in p.opts}
    assert {word for word in words if word.startswith("--")} <= known
    (install,) = [step["run"] for step in steps if step.get("name") == "Install"]
    assert (ROOT / "constraints.txt").is_file()
    assert "constraints.txt" in install
