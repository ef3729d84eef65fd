"""Checksums: SHA256SUMS of an offline data directory, in the format of `sha256sum`."""

import hashlib
from pathlib import Path

from course_utils.errors import CourseError

NAME = "SHA256SUMS"


def sha256(file: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def read(directory: Path) -> dict[str, str]:
    """Checksum by relative path, as SHA256SUMS of a directory lists them; empty where there is no such file."""
    try:
        lines = (directory / NAME).read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    pairs = [line.split(maxsplit=1) for line in lines]
    return {pair[1].lstrip("*").strip(): pair[0].lower() for pair in pairs if len(pair) == 2}


def record(file: Path, directory: Path) -> None:
    """Enter a file that was just written below `directory` into its SHA256SUMS."""
    listed = read(directory) | {file.relative_to(directory).as_posix(): sha256(file)}
    part = directory / f"{NAME}.part"
    part.write_text("".join(f"{value}  {name}\n" for name, value in sorted(listed.items())), encoding="utf-8")
    part.replace(directory / NAME)


def matches(file: Path, directory: Path) -> bool | None:
    """Whether a file is as SHA256SUMS says; None where that does not list it."""
    wanted = read(directory).get(file.relative_to(directory).as_posix())
    return None if wanted is None else sha256(file) == wanted


def check(file: Path, directory: Path) -> None:
    """Raises CourseError if a file is not as SHA256SUMS says."""
    if matches(file, directory) is False:
        raise CourseError(
            f"{file} differs from its checksum in {directory / NAME}: copy or make it afresh "
            "(or delete its line there, if you have replaced the file on purpose)."
        )
