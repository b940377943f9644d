"""Import this first in a command: it saves two seconds of each start.

nbformat imports jsonschema, which builds a grammar of internationalized web addresses if the
package `rfc3987_syntax` is there, to validate a kind of field that notebooks do not have.
"""

from __future__ import annotations

import sys

sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
