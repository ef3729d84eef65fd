"""The room's parts that need no sandbox: values as bytes, finding answers in a file, the filter of system calls."""

import json
import math
import struct

import numpy as np
import pytest

from course_utils import wire
from course_utils.room import cells, filter

# --- wire ---------------------------------------------------------------------------------------------------------

VALUES = [
    None,
    True,
    -7,
    2**80,
    0.1,
    "ä\x00\ud800",
    [],
    [1, [2, "3"], None],
    (28, 28, 1),
    {"A": "blur", 3: [True, {}]},
    np.arange(6, dtype=np.uint8).reshape(2, 3),
    np.zeros((0, 4)),
    np.array(5.5, np.float32),
    np.array([True, False]),
    np.arange(12).reshape(3, 4)[:, ::-1].T,
    {"logits": np.ones((2, 3), ">f4"), "n": np.int16(3)},
]


def alike(a, b):
    if isinstance(a, np.ndarray | np.generic):
        return type(a) is type(b) and a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a, b)
    if isinstance(a, dict):
        return list(a) == list(b) and all(alike(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(alike, a, b))
    return type(a) is type(b) and a == b


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_comes_back_as_it_was_sent(value):
    assert alike(value, wire.decode(wire.encode(value)))


def test_nan_and_infinity_come_back():
    nan, infinity = wire.decode(wire.encode([math.nan, -math.inf]))
    assert math.isnan(nan) and infinity == -math.inf


def test_an_array_that_was_received_is_nobody_elses():
    data = bytearray(wire.encode(np.zeros(3)))
    array = wire.decode(bytes(data))
    array[0] = 1
    assert type(array) is np.ndarray and array.base is None and array.tolist() == [1, 0, 0]


@pytest.mark.parametrize(
    "value",
    [object(), {1, 2}, b"raw", 1j, np.array([object()]), np.array(["text"]), print, np.datetime64("2026-01-01")],
)
def test_what_is_no_plain_value_is_not_sent(value):
    with pytest.raises(TypeError, match="cannot be sent"):
        wire.encode(value)


def raw(text, heads=(), numbers=b""):
    """The bytes of a message with these parts, whether they fit together or not."""
    parts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (text, list(heads))]
    return b"".join(struct.pack(">I", len(part)) + part for part in parts) + numbers


HOSTILE = {
    "nothing": b"",
    "a length alone": b"\x00\x00\x00\x04",
    "a length beyond the end": struct.pack(">I", 2**32 - 1) + b"1",
    "no JSON": raw(b"{"),
    "not UTF-8": raw(b"\xff"),
    "deep lists": raw(b"[" * 100_000 + b"]" * 100_000),
    "deep dicts": raw(b'{"dict":[[1,' * 50_000),
    "lists nested beyond the limit": raw([[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]),
    "an unknown tag": raw({"pickle": "gASV"}),
    "two tags": raw({"array": 0, "dict": []}, [["<f8", []]], bytes(8)),
    "no tag": raw({}),
    "an array that is not there": raw({"array": 0}),
    "a negative array": raw({"array": -1}, [["<f8", []]], bytes(8)),
    "an array by name": raw({"array": "0"}, [["<f8", []]], bytes(8)),
    "an array of objects": raw({"array": 0}, [["|O", [1]]], bytes(8)),
    "a structured array": raw({"array": 0}, [["<f8,<f8", [1]]], bytes(16)),
    "a type as code": raw({"array": 0}, [["__import__('os')", [1]]], bytes(8)),
    "a shape larger than the data": raw({"array": 0}, [["<f8", [10**12]]], bytes(8)),
    "a shape that overflows": raw({"array": 0}, [["<f8", [2**40, 2**40]]], bytes(8)),
    "a negative shape": raw({"array": 0}, [["<f8", [-1]]], bytes(8)),
    "a shape of fractions": raw({"array": 0}, [["<f8", [1.0]]], bytes(8)),
    "a shape of a hundred axes": raw({"array": 0}, [["<f8", [1] * 100]], bytes(8)),
    "more data than the shape": raw({"array": 0}, [["<f8", [1]]], bytes(16)),
    "heads that are no list": raw(1, {"a": 1}),
    "a list as a key": raw({"dict": [[[1], 2]]}),
    "a pair of three": raw({"dict": [[1, 2, 3]]}),
    "a number of many digits": raw(b"9" * 100_000),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_hostile_bytes_are_malformed_and_nothing_worse(data):
    with pytest.raises(wire.Malformed):
        wire.decode(data)


@pytest.mark.parametrize("cut", range(0, 60, 7))
def test_a_message_that_is_cut_off_is_malformed(cut):
    with pytest.raises(wire.Malformed):
        wire.decode(wire.encode({"a": np.arange(5.0), "b": "text"})[: -cut - 1])


def test_a_stream_gives_whole_frames_only():
    stream = wire.frame(b"A", b"one") + wire.frame(b"B", b"") + wire.frame(b"C", b"three")
    assert list(wire.frames(stream)) == [(b"A", b"one"), (b"B", b""), (b"C", b"three")]
    assert list(wire.frames(stream[:-1])) == [(b"A", b"one"), (b"B", b"")]
    assert list(wire.frames(b"A" + struct.pack(">I", 2**32 - 1) + b"x")) == []


# --- cells --------------------------------------------------------------------------------------------------------

RELEASED = [
    {"source": "# Day 99", "run": "", "id": ""},
    {"source": "import numpy as np\nsetup = 1", "run": "import numpy as np\nsetup = 1", "id": ""},
    {"source": "def double(x):\n    ...", "run": "", "id": "double"},
    {"source": "print(double(2))", "run": "print(double(2))", "id": ""},
    {"source": "table = {'a': None}", "run": "", "id": "table"},
    {"source": "history = double(setup)", "run": "history = double(setup)", "id": ""},
    {"source": "check(questions.trained, trained)", "run": "trained = history", "id": ""},
]
NAMES = ["double", "table", "trained"]


def notebook(*submitted):
    """A notebook file: cells as text (code without metadata), or as (id, text)."""
    made = []
    for cell in submitted:
        name, source = cell if isinstance(cell, tuple) else ("", cell)
        metadata = {"nbgrader": {"grade_id": name}} if name else {}
        kind = "markdown" if source.startswith("# Day") else "code"
        made.append({"cell_type": kind, "source": source, "metadata": metadata})
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def run(name, *submitted, every=False, data=None, suffix=".ipynb"):
    """The namespace after the program of an answer; errors end the statement only, as in a room."""
    own = cells.read(data if data is not None else notebook(*submitted), suffix, RELEASED, NAMES)
    namespace = {}
    for cell in cells.program(cells.given(RELEASED), own, name, NAMES, every):
        for node in cell.statements:
            try:
                exec(cells.ast.unparse(node), namespace)
            except Exception:
                continue
    return namespace


GOOD = "def double(x):\n    return 2 * x"
BAD = "def double(x):\n    return x"


@pytest.mark.parametrize(
    "submitted",
    {
        "as asked": [("double", GOOD)],
        "metadata lost": [GOOD],
        "id of another cell": [("table", GOOD)],
        "an id of nothing": [("no_such", GOOD)],
        "doubled, the last is right": [("double", BAD), ("double", GOOD)],
        "doubled, the last is the empty form": [("double", GOOD), ("double", RELEASED[2]["source"])],
        "a helper in a cell of its own": [
            "def twice(x):\n    return x + x",
            ("double", "def double(x):\n    return twice(x)"),
        ],
        "a helper in a later cell": [
            ("double", "def double(x):\n    return twice(x)"),
            "def twice(x):\n    return x + x",
        ],
        "a lambda": [("double", "double = lambda x: 2 * x")],
        "merged with the setup": ["import numpy as np\nsetup = 1\n" + GOOD],
        "merged with its check": [("double", GOOD + "\ncheck(questions.double, double)")],
        "after a cell that is not Python": ["this is ( not Python", ("double", GOOD)],
        "in a cell that also fails": [("double", GOOD + "\n1 / 0")],
        "after a statement that fails": [("double", "1 / 0\n" + GOOD)],
        "with a magic": [("double", "%matplotlib inline\n!ls\n" + GOOD)],
        "under a cell magic": [("double", "%%time\n" + GOOD)],
        "np bound to something else in another cell": [
            "np = 3",
            ("double", "def double(x):\n    return int(np.add(x, x))"),
        ],
        "an import of one's own": ["import math", ("double", "def double(x):\n    return math.floor(2 * x)")],
        "decorated": ["def same(f):\n    return f", ("double", "@same\n" + GOOD)],
        "partly through a global": [("double", "FACTOR = 2\ndef double(x):\n    return FACTOR * x")],
        "with carriage returns": [("double", GOOD.replace("\n", "\r\n"))],
    }.items(),
    ids=lambda item: item[0],
)
def test_a_right_answer_is_found_wherever_it_stands(submitted):
    assert run("double", *submitted[1])["double"](21) == 42


def test_the_exercise_as_released_holds_no_answer():
    data = notebook(*[(cell["id"], cell["source"]) for cell in RELEASED])
    assert cells.read(data, ".ipynb", RELEASED, NAMES) == []
    assert "double" not in run("double", data=data)


def test_a_table_filled_in_over_two_cells():
    assert run("table", ("table", "table = {'a': 1}"), "table['b'] = 2")["table"] == {"a": 1, "b": 2}


def test_a_version_that_was_replaced_does_not_matter():
    assert run("table", ("table", "table = {'a': 1}\ntable['c'] = 3"), ("table", "table = {'a': 2}"))["table"] == {
        "a": 2
    }


def test_an_answer_that_needs_given_cells_and_other_answers():
    assert run("trained", ("double", GOOD))["trained"] == 2


def test_given_statements_that_an_answer_does_not_need_are_not_run():
    assert "history" not in run("double", ("double", GOOD))


def test_with_every_cell_what_no_name_shows_is_run_too():
    hidden = ["globals()['twice'] = lambda x: 2 * x", ("double", "def double(x):\n    return globals()['twice'](x)")]
    assert "twice" not in run("double", *hidden)
    assert run("double", *hidden, every=True)["double"](4) == 8


def test_a_file_in_the_percent_format():
    text = f'# %%\nx = 1\n\n# %% nbgrader={{"grade_id": "double"}}\n{GOOD}\n'
    for suffix in (".py", ".ipynb"):
        assert run("double", data=text.encode(), suffix=suffix)["double"](2) == 4


def test_a_notebook_of_format_3():
    sheet = {"worksheets": [{"cells": [{"cell_type": "code", "input": GOOD.splitlines(keepends=True)}]}]}
    assert run("double", data=json.dumps(sheet).encode())["double"](2) == 4


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_whatever_the_encoding(encoding):
    text = notebook(("double", GOOD), "s = '\xe4'").decode().replace("\\u00e4", "\xe4")
    assert run("double", data=text.encode(encoding))["double"](2) == 4


def test_many_cells_are_no_reason_to_lose_an_answer():
    data = notebook(*[f"x{i} = {i}" for i in range(cells.MANY + 10)], ("double", GOOD))
    assert run("double", data=data)["double"](2) == 4


@pytest.mark.parametrize(
    "data",
    [b"", b" \n", b"{", b"[]", b"{}", b'{"cells": 3}', b"\x00\x01\x02", b"[" * 10**5, b'{"cells": ' + b"[" * 10**5],
)
def test_what_is_no_notebook_is_unfit(data):
    with pytest.raises(cells.Unfit):
        cells.read(data, ".ipynb", RELEASED, NAMES)


ODD_CELLS = [
    *(None, 3, [], {}, {"source": 3}),
    {"cell_type": "code", "source": [1, None]},
    {"cell_type": "code", "source": "x = 1", "metadata": [1]},
    {"cell_type": "code", "source": "x = 1", "metadata": {"nbgrader": {"grade_id": [1]}}},
]


@pytest.mark.parametrize("cell", ODD_CELLS)
def test_odd_cells_are_passed_over(cell):
    data = {"cells": [cell, {"cell_type": "code", "source": GOOD}]}
    assert run("double", data=json.dumps(data).encode())["double"](2) == 4


@pytest.mark.parametrize(
    "source", ["(" * 10**5 + ")" * 10**5, "x = " + "-" * 10**5 + "1", "return 1", "\x00", "'\ud800'"]
)
def test_a_cell_that_cannot_be_read_costs_itself_only(source):
    assert run("double", source, ("double", GOOD))["double"](2) == 4


# --- filter -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("machine", filter.MACHINES)
def test_the_filter_allows_and_refuses(machine):
    """Interpret the program as the kernel does (classic BPF), for calls by number and first argument."""
    steps = list(struct.iter_unpack("=HBBI", filter.program(machine)))
    column, architecture = filter.MACHINES[machine]

    def verdict(number, argument=0, arch=architecture):
        loads, value, at = {0: number, 4: arch, 16: argument}, 0, 0
        while True:
            code, yes, no, k = steps[at]
            if code == filter.RETURN:
                return k
            if code == filter.LOAD:
                value, at = loads[k], at + 1
                continue
            holds = {filter.EQUAL: value == k, filter.AT_LEAST: value >= k, filter.ANY_BIT: bool(value & k)}[code]
            at += 1 + (yes if holds else no)

    read, sigchld, new_user = {"x86_64": 0, "aarch64": 63}[machine], 17, 0x10000000
    assert verdict(read) == filter.ALLOW
    assert verdict(filter.CLONE[column], sigchld) == filter.ALLOW
    assert verdict(filter.CLONE[column], sigchld | new_user) & 0xFFFF0000 == filter.ERRNO
    assert verdict(filter.CLONE3[column]) & 0xFFFF0000 == filter.ERRNO
    assert all(verdict(numbers[column]) & 0xFFFF0000 == filter.ERRNO for numbers in filter.REFUSED.values())
    unix, internet, internet6, netlink, vsock = (verdict(filter.SOCKET[column], n) for n in (1, 2, 10, 16, 40))
    assert unix == internet == internet6 == filter.ALLOW
    assert netlink & 0xFFFF0000 == vsock & 0xFFFF0000 == filter.ERRNO
    assert verdict(read, arch=0x40000003) == filter.KILL
    assert verdict(read | filter.X32) & 0xFFFF0000 == filter.ERRNO
