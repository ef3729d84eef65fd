"""Every attack gets its fair score, exactly; the batch goes on; nothing is touched, and no secret comes out.

`attacks` says what they are. Those that look for secrets show what they find in their marks, and are run once more
where there are no walls, to see that they do find something there.
"""

import dataclasses
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("the sandbox needs Linux", allow_module_level=True)

from attacks import ATTACKS, FULL
from attacks.ground import HONEST, Ground, grade, in_the_open, probed

PROBES = [attack for attack in ATTACKS if attack.probe]


@dataclasses.dataclass
class Batch:
    """What came of all attacks: each one's student, results by student, the machine before and after."""

    ground: Ground
    students: dict
    results: dict
    before: dict
    after: dict


@pytest.fixture(scope="module")
def ground():
    # Not below pytest's own folder: the path of a socket may not be long.
    folder = Path(tempfile.mkdtemp(prefix="attacked-"))
    made = Ground(folder)
    yield made
    made.close()
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def batch(ground):
    students = ground.hand_in(ATTACKS)
    with pytest.MonkeyPatch.context() as patched:
        for name, value in ground.environment().items():
            patched.setenv(name, value)
        patched.setattr(tempfile, "tempdir", None)
        patched.chdir(ground.home)
        before = ground.traces()
        results = grade(ground)
        yield Batch(ground, students, results, before, ground.traces())


def points(result):
    assert "grader" not in result.reason
    return {mark.question: mark.points for mark in result.marks}


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: f"{attack.family}-{attack.name}")
def test_an_attack_gets_its_fair_score(attack, batch):
    assert points(batch.results[batch.students[attack.name]]) == attack.fair, attack.what


def test_names_and_families():
    names = [attack.name for attack in ATTACKS]
    assert len(set(names)) == len(names) >= 100
    assert {attack.family for attack in ATTACKS} == {
        *("forging", "secrets", "tampering", "crashing", "files", "accidents", "channel")
    }


def test_honest_students_keep_their_points(batch):
    honest = {name: points(result) for name, result in batch.results.items() if name.endswith(HONEST)}
    assert len(honest) > 5
    assert {name: found for name, found in honest.items() if found != FULL} == {}


def test_every_submission_has_a_result(batch):
    assert len(batch.results) == len(list(batch.ground.submissions.iterdir()))


@pytest.mark.parametrize("name", ["empty", "prose", "noise", "huge", "cut_off"])
def test_a_file_without_answers_is_told_why(name, batch):
    assert batch.results[batch.students[name]].reason


UNTOUCHED = ("files", "home", "packages", "start-up files", "submissions", "left in shared folders",
             "temporary files", "processes")  # fmt: skip


@pytest.mark.parametrize("what", UNTOUCHED)
def test_the_machine_is_untouched(what, batch):
    assert batch.after[what] == batch.before[what]


def test_nobody_knocked_at_a_door(batch):
    assert batch.ground.caught == []


def test_the_output_holds_no_secret_and_nothing_that_a_student_wrote(batch):
    files = [path for path in batch.ground.out.rglob("*") if path.is_file()]
    assert len(files) > len(ATTACKS)
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert batch.ground.secret not in text
        assert batch.ground.seed.read_text().strip() not in text
        assert "MARKED" not in text


@pytest.fixture(scope="module")
def opened(ground):
    return in_the_open(PROBES, ground)


@pytest.mark.parametrize("attack", PROBES, ids=lambda attack: attack.name)
def test_without_walls_the_attack_gets_through(attack, opened):
    # One that steals an answer gets it right; one that finds something else shows that by an answer that is wrong.
    steals = attack.fair[probed(attack)] == 0
    assert opened[attack.name] == ("right" if steals else "wrong")
