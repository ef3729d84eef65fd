"""The `course` command. Each command imports what it needs when it runs, so that `course --help` answers at once."""

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer

from course_utils.errors import CourseError

app = typer.Typer(
    help="Convolutional neural networks in 21 days: work through it, run it, maintain it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
data_app = typer.Typer(help="The data sets: where they are, and how to bring them along.", no_args_is_help=True)
app.add_typer(data_app, name="data")

Days = Annotated[
    list[str] | None,
    typer.Argument(help="Days or notebooks: 2, 1-5, day_02, lessons/day_02_convolution.py. Default: all."),
]


@app.command()
def lab(
    day: Annotated[str | None, typer.Argument(help="The day to open. Default: the first one.")] = None,
    browser: Annotated[bool, typer.Option(help="Open a browser window.")] = True,
) -> None:
    """Open JupyterLab on a day; the py files open as notebooks."""
    from course_utils import lab as lab_module

    raise typer.Exit(lab_module.open_lab(day, browser=browser))


@app.command()
def run(
    days: Days = None,
    profile: Annotated[str, typer.Option(help="auto, smoke, cpu or gpu.")] = "auto",
    jobs: Annotated[int, typer.Option(min=1, help="Notebooks executed at the same time.")] = 1,
    record: Annotated[bool, typer.Option(help="Write the measured results under results/.")] = False,
    seeds: Annotated[int, typer.Option(min=1, help="Repeat each notebook with this many seeds.")] = 1,
    fresh: Annotated[bool, typer.Option(help="Execute also what has not changed since it last passed.")] = False,
    folder: Annotated[
        list[str] | None, typer.Option(help="lessons, exercises or solutions. Default: all three.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Where the report and the executed notebooks go.")] = Path("build/run"),
) -> None:
    """Execute notebooks, each in its own process, and write a report."""
    from course_utils import notebooks, runner

    paths = notebooks.find(days, folders=tuple(folder) if folder else None)
    report = runner.run(paths, profile=profile, jobs=jobs, record=record, seeds=seeds, fresh=fresh, out=out)
    if report.failed:
        raise typer.Exit(1)


@app.command()
def sync(
    check: Annotated[bool, typer.Option("--check", help="Change nothing; show the differences and fail.")] = False,
) -> None:
    """Make the exercises from the solutions."""
    from course_utils import notebooks

    if notebooks.sync(check=check) and check:
        raise typer.Exit(1)


@app.command()
def bundle(
    out: Annotated[Path, typer.Argument(help="The folder to make, or a bundle made before, to bring up to date.")],
    archive: Annotated[bool, typer.Option("--zip", help="Make OUT.zip beside it as well.")] = False,
) -> None:
    """Make what students get: lessons, exercises and the library, checks working, without an answer in it."""
    made = _for_instructors("bundle").make_bundle(out, archive=archive)
    print(f"{made}: ready to hand out. No answer was found in it.")


@app.command()
def grade(
    submissions: Annotated[Path, typer.Argument(help="The folder with your students' notebooks.")],
    out: Annotated[Path, typer.Option(help="The folder for scores and pages; it is gone on with if it is there.")],
    day: Annotated[int | None, typer.Option(min=1, help="Grade this day only. Default: all.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Submissions graded at the same time.")] = 1,
    cluster: Annotated[str | None, typer.Option(help="Address of a Dask scheduler that grades instead.")] = None,
    seed_file: Annotated[Path | None, typer.Option(help="The secret behind the inputs. Default: OUT/seed.")] = None,
    questions: Annotated[Path | None, typer.Option(help="A file with questions of your own.")] = None,
    profile: Annotated[str, typer.Option(help="smoke, cpu or gpu: how much training may spend.")] = "smoke",
    nbgrader: Annotated[Path | None, typer.Option(help="nbgrader's gradebook.db, to write the scores to.")] = None,
    fresh: Annotated[bool, typer.Option(help="Grade also what has not changed.")] = False,
    unsafe: Annotated[bool, typer.Option("--unsafe-no-sandbox", help="Run students' code without protection.")] = False,
) -> None:
    """Grade a folder of submissions in a sandbox: gradebook, a feedback page for each student, a summary."""
    _for_instructors("grading")
    from course_utils.grading import batch, examiner
    from course_utils.paths import root

    settings = examiner.Settings(root(), questions, profile=profile, unsafe=unsafe)
    report = batch.grade(
        submissions,
        out,
        settings,
        seed_file=seed_file,
        day=day,
        jobs=jobs,
        cluster=cluster,
        fresh=fresh,
        database=nbgrader,
    )
    batch.tell(report)


@app.command()
def book(
    out: Annotated[Path, typer.Option(help="A folder for the book and what is made on the way.")] = Path("build/book"),
    runs: Annotated[Path, typer.Option(help="The folder with what `course run` executed.")] = Path("build/run"),
    profile: Annotated[str, typer.Option(help="auto, smoke, cpu or gpu: how the notebooks are executed.")] = "smoke",
    jobs: Annotated[int, typer.Option(min=1, help="Notebooks executed at the same time.")] = 1,
    fresh: Annotated[bool, typer.Option(help="Execute also what has not changed.")] = False,
) -> None:
    """Build the book: execute the notebooks that changed and write a static site; a warning is an error."""
    _for_instructors("book").build(out, runs, profile=profile, jobs=jobs, fresh=fresh)


@app.command()
def publish(
    out: Annotated[Path, typer.Argument(help="The folder to make, or one made before, to bring up to date.")],
) -> None:
    """Make the branch that Colab and Binder open: notebooks and library without an answer."""
    print(f"{_for_instructors('book').make_branch(out)}: ready to push. No answer was found in it.")


@app.command()
def doctor() -> None:
    """Say what this machine has: versions, GPU, memory, data, sandbox; and how to mend what is missing."""
    from course_utils import doctor as doctor_module

    raise typer.Exit(doctor_module.report())


@data_app.command("status")
def data_status() -> None:
    """Say where each data set is found, how large it is, and whether it is decoded already."""
    from rich.console import Console
    from rich.table import Table

    from course_utils import data

    rows = data.status()
    table = Table()
    for heading in rows[0]:
        table.add_column(heading, overflow="fold")  # a path is of use only if all of it can be read
    for row in rows:
        table.add_row(*(str(value) for value in {**row, "found": row["found"] or "not on this machine"}.values()))
    Console().print(table)


@data_app.command("pack")
def data_pack(
    folder: Annotated[Path, typer.Argument(help="The folder to make: copy it to machines without internet.")],
    names: Annotated[list[str] | None, typer.Argument(help="Data sets; vgg16: weights. Default: all.")] = None,
) -> None:
    """Make an offline data directory for a classroom; point COURSE_DATA at it there."""
    from course_utils import data

    data.pack(folder, names)


@data_app.command("import")
def data_import(
    name: Annotated[str, typer.Argument(help="cifar10 or chest_xray.")],
    path: Annotated[Path, typer.Argument(help="Images in folders by split and class, or the CIFAR-10 archive.")],
) -> None:
    """Take a data set from files that you already have."""
    from course_utils import data

    data.import_data(name, path)


@data_app.command("features")
def data_features(
    size: Annotated[int | None, typer.Option(help="Pixels a side. Default: those of the cpu profile.")] = None,
) -> None:
    """Compute once what Day 17 lets VGG16 make of each X-ray; repeat it if it was interrupted."""
    from course_utils import data, pretrained

    films = data.load("chest_xray")
    backbone = pretrained.vgg16(size or pretrained.FILM_SIZE)
    for split in ("train", "validation", "test"):
        pooled = pretrained.film_features(backbone, getattr(films, split).images)[1]
        print(f"{split}: features of {len(pooled):,} films are in the cache.", flush=True)


def _for_instructors(package: str) -> ModuleType:
    """A package of course_utils that a student's bundle lacks. Raises CourseError there."""
    try:
        return importlib.import_module(f"course_utils.{package}")
    except ModuleNotFoundError as error:
        if error.name != f"course_utils.{package}":
            raise
        raise CourseError(f"`course {sys.argv[1]}` is for instructors: a student's bundle does without it.") from None


def main() -> None:
    """Entry point: an error of the user's is one line and exit code 2; Ctrl-C exits with 130."""
    try:
        app()
    except CourseError as error:
        print(f"course: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("course: interrupted; what was finished is kept.", file=sys.stderr)
        sys.exit(130)
