"""The Sphinx extension ``coursetools.site``: all that makes a Jupyter Book this course's site.

Each module is one concern, and says why it is needed:

======================  ==================================================================
``configure``           settings that follow from the files: folders, digests, vendored paths
``execute``             the pages that have to be executed, several at once
``failures``            a failed cell or a missing page ends the build, and says where
``elements``            one docutils node for any HTML element, one for a picture's file
``pictures``            one SVG becomes two, for light and for dark paper
``mime``                renders figures, Plotly and widgets (a myst-nb plugin)
``quiz``                the ``quiz`` directive: predict, then see
``docstrings``          the library's docstrings as pages
``reference``           the order, signatures and fields of names on those pages
``glossary``            a word carries its meaning with it
``formulas``            no line breaks between a formula and its comma
``launch``              links to Binder and Colab
``mend``                repairs of the theme's accessibility, in the finished HTML
``vendor``              MathJax and Plotly, copied from their packages
``digest``              what a page depends on besides its own text
======================  ==================================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

SCRIPTS = ("access.js", "quiz.js", "glossary.js", "plotly-figure.js", "equivar-widget.js")
STYLES = ("palette.css", "course.css", "quiz.css")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register everything with Sphinx.

    Args:
        app: the Sphinx application.

    Returns:
        Sphinx's description of an extension.
    """
    from coursetools.site import (
        configure,
        docstrings,
        elements,
        execute,
        failures,
        formulas,
        glossary,
        launch,
        mend,
        mime,
        quiz,
        reference,
        vendor,
    )

    app.add_config_value("course_digest", "", "env", str)
    app.connect("config-inited", configure.configure, priority=900)
    app.connect("config-inited", docstrings.configure, priority=905)
    app.connect("autodoc-process-docstring", docstrings.process, priority=100)  # before napoleon
    app.connect("config-inited", failures.check_toc, priority=910)
    app.connect("env-before-read-docs", execute.execute_ahead)
    app.connect("doctree-read", mime.check_widgets)
    app.connect("env-updated", failures.check_cells)
    app.connect("env-updated", glossary.collect)
    app.connect("doctree-resolved", glossary.add_meanings)
    app.connect("html-page-context", launch.mend_launch_buttons, priority=600)
    app.connect("build-finished", vendor.copy_vendored)
    app.connect("build-finished", mend.mend_pages, priority=900)
    app.connect("build-finished", configure.write_stamp, priority=950)
    elements.register(app)
    formulas.register(app)
    reference.register(app)
    app.add_directive("quiz", quiz.QuizDirective)
    for style in STYLES:
        app.add_css_file(style, priority=900)
    for script in SCRIPTS:
        app.add_js_file(script, loading_method="defer")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
