"""Hostile and broken submissions, what each of them must get, and the proof that it got no more."""

from __future__ import annotations

from .attack import Attack
from .in_the_file import ATTACKS as IN_THE_FILE
from .in_the_folder import ATTACKS as IN_THE_FOLDER
from .inside import ATTACKS as INSIDE
from .on_resources import ATTACKS as ON_RESOURCES
from .on_secrets import ATTACKS as ON_SECRETS
from .on_the_grader import ATTACKS as ON_THE_GRADER
from .on_the_system import ATTACKS as ON_THE_SYSTEM

KINDS: dict[str, list[Attack]] = {
    "inside its process": INSIDE,
    "on the grader": ON_THE_GRADER + ON_THE_SYSTEM,
    "on secrets": ON_SECRETS,
    "on resources": ON_RESOURCES,
    "in the file": IN_THE_FILE,
    "in the folder": IN_THE_FOLDER,
}
ALL = [attack for attacks in KINDS.values() for attack in attacks]
assert len({attack.who for attack in ALL}) == len(ALL), "two attacks of one name"
