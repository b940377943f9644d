"""Links to Binder and Colab that open what they promise.

The theme links each provider to the page's own file. Binder opens a MyST lecture in JupyterLab
(``.binder`` makes jupytext's notebook the default view of Markdown). Colab opens notebooks
only: there the link goes to the exercises of the chapter, and a page without exercises has none.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

COLAB_HOST = "https://colab.research.google.com"


def exercise_of(docname: str) -> str:
    """Path of the exercise notebook that belongs to a lecture.

    Args:
        docname: the page, such as ``book/01-same-molecule-two-answers``.

    Returns:
        Path from the root of the repository.

    Example:
        >>> exercise_of("book/01-same-molecule-two-answers")
        'exercises/01_same_molecule_two_answers.ipynb'
    """
    return f"exercises/{Path(docname).name.replace('-', '_')}.ipynb"


def mend_launch_buttons(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Point Colab at the exercises, and say so; drop it where there are none.

    Args:
        app: the Sphinx application.
        pagename: the page.
        templatename: unused.
        context: what the template sees, changed in place.
        doctree: unused.
    """
    for group in context.get("header_buttons", []):
        if group.get("label") != "launch-buttons":
            continue
        exercise = exercise_of(pagename)
        there = (Path(app.srcdir) / exercise).is_file()
        group["buttons"] = [
            _to_exercises(button, pagename, exercise) if button["text"] == "Colab" else button
            for button in group["buttons"]
            if button["text"] != "Colab" or there
        ]


def _to_exercises(button: dict[str, Any], pagename: str, exercise: str) -> dict[str, Any]:
    url = button["url"]
    start = url.rsplit(f"/{pagename}", 1)[0]
    return {
        **button,
        "url": f"{start}/{exercise}",
        "text": "Colab (exercises)",
        "tooltip": "Open the exercises of this lecture in Colab",
    }
