"""Hostile and clumsy submissions for day 2, each with the points that it deserves: `ATTACKS`.

A module a family or half of one. They are built for a machine whose grader does not hold: files that they leave carry
a token, bombs are small, and processes are only killed in a process namespace of their own.
"""

from attacks import (
    accidents,
    cells,
    channel,
    crashing,
    escaping,
    files,
    forging,
    objects,
    reading,
    slips,
    stealing,
    tampering,
    values,
)
from attacks.kit import FULL, Attack, Base, Grounds

FAMILIES = (
    forging, values, objects, stealing, reading, tampering, escaping, crashing, files, cells, accidents, slips, channel
)  # fmt: skip
ATTACKS: list[Attack] = [attack for family in FAMILIES for attack in family.ATTACKS]

__all__ = ["ATTACKS", "FULL", "Attack", "Base", "Grounds"]
