"""data.load from the Hugging Face Hub: a small Hub on this machine serves a small CIFAR-10 at the pinned revision.

Each load runs in a process of its own, since huggingface_hub reads its environment when it is imported.
"""

import hashlib
import http.server
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import data_kit as kit
import pytest

from course_utils.data import SPECS

CIFAR = SPECS["cifar10"]
# The real pins and counts belong to the real files; these stand for the small ones.
PREPARE = """
import dataclasses, json, os, sys
from course_utils import data
from course_utils.data.catalogue import HubFile
spec = data.SPECS["cifar10"]
pins = json.loads(os.environ["PINS"])
files = {s: (HubFile(spec.files[s][0].path, pins.get(s)),) for s in ("train", "test")}
data.SPECS["cifar10"] = dataclasses.replace(spec, files=files, class_counts={"train": (20,) * 10, "test": (5,) * 10})
"""
LOAD = PREPARE + "d = data.load('cifar10'); print(len(d.train), d.source)"


@dataclass
class FakeHub:
    """Serves the files of a repository as the Hub does; counts requests, can cut transfers and damage contents."""

    files: dict[str, bytes]
    cut_after: int | None = None  # the next transfer breaks after so many bytes
    damage: bool = False
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)  # method, file, range
    url: str = ""


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[FakeHub]:
    directory = kit.cifar(tmp_path / "repository")
    names = {split: CIFAR.files[split][0].path for split in ("train", "test")}
    state = FakeHub({path: (directory / f"cifar10/{split}.parquet").read_bytes() for split, path in names.items()})

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            prefix = f"/datasets/{CIFAR.repository}/resolve/{CIFAR.revision}/"
            name = self.path.partition("?")[0].removeprefix(prefix)
            wanted = self.headers.get("Range")
            state.asked.append((self.command, name, wanted))
            if name not in state.files:
                self.send_response(404)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            content = state.files[name]
            etag = hashlib.sha256(content).hexdigest()
            if state.damage:
                content = bytes(b ^ 255 for b in content)
            start = int(re.match(r"bytes=(\d+)-", wanted)[1]) if wanted else 0
            body = content[start:]
            self.send_response(206 if wanted else 200)
            self.send_header("ETag", f'"{etag}"')
            self.send_header("X-Repo-Commit", CIFAR.revision)
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Length", str(len(body)))
            if wanted:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.end_headers()
            if self.command == "HEAD":
                return
            if state.cut_after is not None:
                body, state.cut_after = body[: state.cut_after], None
                self.close_connection = True
            self.wfile.write(body)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    yield state
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COURSE_DATA", "COURSE_PROFILE", "HF_HUB_OFFLINE", "HF_HUB_CACHE", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv(
        "PINS", json.dumps({"train": hashlib.sha256(hub.files[CIFAR.files["train"][0].path]).hexdigest()})
    )


def run(code: str, **more: str) -> tuple[str, str]:
    return kit.python(code, **more).communicate(timeout=120)


def transfers(hub: FakeHub) -> list[tuple[str, str | None]]:
    return [(name, wanted) for method, name, wanted in hub.asked if method == "GET" and name in hub.files]


def test_load_downloads_once_and_then_asks_no_network(hub: FakeHub, tmp_path: Path) -> None:
    out, err = run(LOAD)
    assert out.endswith("180 Hugging Face Hub, uoft-cs/cifar10 at revision 0b27149\n"), err
    assert len(transfers(hub)) == 2
    hub.asked.clear()
    assert run(LOAD + "; print(data.status()[0]['found'])")[0].count("Hugging Face Hub, uoft-cs/cifar10") == 2
    assert run(LOAD, COURSE_CACHE=str(tmp_path / "other"), HF_HUB_OFFLINE="1")[0].startswith("180 ")  # decoded afresh
    assert run(LOAD.replace("'cifar10')", "'cifar10', 'smoke')"))[0].startswith("180 ")
    assert hub.asked == []


def test_smoke_downloads_nothing(hub: FakeHub) -> None:
    out, err = run(PREPARE + "print(data.load('cifar10', profile='smoke').source)")
    assert out == "sample data, drawn by code\n", err
    assert hub.asked == []


def test_a_transfer_that_breaks_is_resumed(hub: FakeHub) -> None:
    hub.cut_after = 100_000
    small_chunks = "from huggingface_hub import constants; constants.DOWNLOAD_CHUNK_SIZE = 10_000\n"  # 10 MB otherwise
    out, err = run(small_chunks + LOAD)
    assert "180 Hugging Face Hub" in out, err
    ranges = [wanted for _, wanted in transfers(hub)]
    assert any(wanted and not wanted.startswith("bytes=0-") for wanted in ranges)


@pytest.mark.parametrize("pins", ["as in the catalogue", "{}"], ids=["pinned", "announced by the Hub"])
def test_a_damaged_transfer_is_refused_and_fetched_again(hub: FakeHub, tmp_path: Path, pins: str) -> None:
    more = {} if pins.startswith("as") else {"PINS": pins}
    hub.damage = True
    out, err = run(LOAD, **more)
    assert "wrong checksum and was removed: try again" in err, out
    assert kit.left_behind(tmp_path / "cache") == []
    hub.damage = False
    assert "180 Hugging Face Hub" in run(LOAD, **more)[0]


def test_other_counts_than_published(hub: FakeHub) -> None:
    out, err = run(LOAD.replace("(20,) * 10", "(21,) * 10"))
    assert "train has 20, 20" in err and "instead of 21, 21" in err, out


def test_no_network(tmp_path: Path) -> None:
    out, err = run(LOAD, HF_ENDPOINT="http://127.0.0.1:9")
    assert (
        out == "" and "CourseError: CIFAR-10 is not on this machine, and the Hugging Face Hub cannot be reached" in err
    )
    assert "COURSE_DATA" in err and "course data import" in err
    assert kit.left_behind(tmp_path / "cache") == []


def test_a_file_that_is_gone_from_the_hub(hub: FakeHub) -> None:
    hub.files.clear()
    assert "the Hugging Face Hub cannot be reached (" in run(LOAD)[1]


def test_offline_by_wish(hub: FakeHub) -> None:
    assert "HF_HUB_OFFLINE forbids to download it" in run(LOAD, HF_HUB_OFFLINE="1")[1]
    assert hub.asked == []


def test_at_hand_asks_the_hub_but_downloads_nothing(hub: FakeHub) -> None:
    code = PREPARE + "print(data.at_hand('cifar10'))"
    assert run(code)[0] == "True\n"
    assert transfers(hub) == []
    assert run(code, HF_ENDPOINT="http://127.0.0.1:9")[0] == "False\n"


def test_status_asks_no_network(hub: FakeHub) -> None:
    code = PREPARE + "print(data.status()[0]['found'])"
    assert run(code)[0] == "\n"
    assert hub.asked == []


def test_pack_from_the_hub(hub: FakeHub, tmp_path: Path) -> None:
    out, err = run(PREPARE + f"data.pack({str(tmp_path / 'usb')!r}, ['cifar10'])")
    assert "200 images" in out, err
    assert (tmp_path / "usb/cifar10/train.parquet").read_bytes() == hub.files[CIFAR.files["train"][0].path]
    offline = "from course_utils import data; print(len(data.load('cifar10').train))"
    assert run(offline, COURSE_DATA=str(tmp_path / "usb"), HF_HUB_OFFLINE="1")[0] == "180\n"


def test_pack_joins_a_split_in_several_files(hub: FakeHub, tmp_path: Path) -> None:
    hub.files["more.parquet"] = kit.write(tmp_path / "more.parquet", kit.cifar_rows(30, seed=9)).read_bytes()
    shards = """
files["train"] += (HubFile("more.parquet"),)
counts = {"train": (23,) * 10, "test": (5,) * 10}
data.SPECS["cifar10"] = dataclasses.replace(spec, files=files, class_counts=counts)
"""
    out, err = run(PREPARE + shards + f"data.pack({str(tmp_path / 'usb')!r}, ['cifar10']); print(data.load('cifar10'))")
    assert "train.parquet: 230 images" in out and "210 train, 20 validation" in out, err
    offline = "from course_utils import data; print(data.load('cifar10'))"
    assert "210 train, 20 validation" in run(offline, COURSE_DATA=str(tmp_path / "usb"))[0]
