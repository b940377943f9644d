"""The error localizer on ethanol, for its tests.

It is recorded by another process, without the hook that checks shapes: the hook compiles a check
for each function within a function each time that it is made, and a trace makes thousands.
"""

from __future__ import annotations

import json
import subprocess
import sys

from equivar.data import molecules
from equivar.widgets import ErrorLocalizer

ETHANOL = molecules("ethanol")
POSITIONS, NUMBERS = ETHANOL.positions[0], ETHANOL.numbers

_RECORD = """
import json
from equivar.data import molecules
from equivar.widgets import ErrorLocalizer

ethanol = molecules("ethanol")
print(json.dumps(ErrorLocalizer.record(ethanol.numbers, ethanol.positions[0]).static_state()))
"""


def recorded() -> ErrorLocalizer:
    """Record it for ethanol's first frame."""
    run = subprocess.run(
        [sys.executable, "-c", _RECORD], capture_output=True, text=True, check=True
    )
    return ErrorLocalizer(**json.loads(run.stdout))
