"""The ``quiz`` directive: the reader commits to a prediction, then sees what is true.

::

    :::{quiz} Predict first
    You turn the molecule by 90 degrees. What does the network on coordinates answer?

    - [ ] The same energy.

      Nothing in its weights knows that this is the same molecule.
    - [x] Another energy.

      Its inputs changed, and it was never told that this change means nothing.

    What comes after the choices is shown once the reader has committed: here the energies
    differ by {glue:text}`spread:.2f` eV.
    :::

The text before the list is the question (its last paragraph; what is above sets the scene). Each
item of the list is a choice: its first paragraph is the choice, the rest is the feedback to who
takes it. Exactly one is marked ``[x]``. All of it is MyST: mathematics and glue work everywhere.
The argument is the title ("Predict" where there is none).

The page that is written holds everything as plain HTML, the answer in a ``details``; ``quiz.js``
turns it into the quiz, so a reader without JavaScript loses the commitment only.
"""

from __future__ import annotations

import hashlib
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

from coursetools.site.elements import HtmlElement, element

LETTERS = "ABCDEFGH"


class QuizDirective(SphinxDirective):
    """Parse a quiz; every mistake in its source is an error that says what is expected."""

    has_content = True
    optional_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar = {"name": directives.unchanged}

    def run(self) -> list[nodes.Node]:
        """Build the quiz.

        Returns:
            One element.
        """
        self.assert_has_content()
        parsed = nodes.Element()
        self.state.nested_parse(self.content, self.content_offset, parsed)
        lists = [n for n in parsed.children if isinstance(n, nodes.bullet_list) and _is_tasks(n)]
        if len(lists) != 1:
            raise self.error(
                "a quiz has one list of choices, each marked `- [ ]` or `- [x]`; "
                f"found {len(lists)}"
            )
        at = parsed.children.index(lists[0])
        *scene, question = parsed.children[:at] or [None]
        if not isinstance(question, nodes.paragraph):
            raise self.error("a quiz asks its question in a paragraph before the choices")
        choices = [self._choice(item) for item in lists[0].children]
        right = [k for k, (_, is_right, _) in enumerate(choices) if is_right]
        if len(right) != 1 or not 2 <= len(choices) <= len(LETTERS):
            raise self.error(
                f"a quiz has 2 to {len(LETTERS)} choices of which one is marked [x]; "
                f"found {len(choices)} and {len(right)}"
            )
        title = self.arguments[0] if self.arguments else "Predict"
        # The text is part of the identifier: an edited quiz asks again.
        text = f"{self.env.docname}\0{question.astext()}\0{lists[0].astext()}"
        identifier = f"quiz-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
        quiz = build(identifier, title, scene, question, choices, parsed.children[at + 1 :])
        self.add_name(quiz)
        return [quiz]

    def _choice(self, item: nodes.Node) -> tuple[list[nodes.Node], bool, list[nodes.Node]]:
        """Inline content of the choice, whether it is right, and the feedback."""
        if not (item.children and isinstance(item.children[0], nodes.paragraph)):
            raise self.error("each choice of a quiz begins with a line of text")
        box, *label = item.children[0].children
        if not isinstance(box, nodes.raw):
            raise self.error("each choice of a quiz begins with `[ ]` or `[x]`")
        if not item.children[1:]:
            text = "".join(node.astext() for node in label).strip()
            raise self.error(
                f"the choice {text!r} has no feedback: indent it below the choice, after an "
                "empty line"
            )
        if label and isinstance(label[0], nodes.Text):
            label[0] = nodes.Text(label[0].astext().lstrip())
        return label, "checked" in box.astext(), item.children[1:]


def _is_tasks(node: nodes.Element) -> bool:
    """Whether a list has a box at the start of any item."""
    boxes = (raw.astext() for raw in node.findall(nodes.raw))
    return any("task-list-item-checkbox" in box for box in boxes)


def build(
    identifier: str,
    title: str,
    scene: list[nodes.Node],
    question: nodes.Element,
    choices: list[tuple[list[nodes.Node], bool, list[nodes.Node]]],
    body: list[nodes.Node],
) -> HtmlElement:
    """Lay out a quiz as HTML that reads well without JavaScript.

    Args:
        identifier: unique in the site; names the radio buttons and the memory of the choice.
        title: short label above the question.
        scene: what stands above the question.
        question: paragraph whose content becomes the legend.
        choices: label, whether it is right, feedback, of each choice.
        body: what is shown after the commitment.

    Returns:
        The element.
    """
    fields = element("fieldset", element("legend", *question.children))
    answer = element(
        "details", element("summary", nodes.Text("Show the answer")), class_="quiz-answer"
    )
    for k, (label, right, feedback) in enumerate(choices):
        radio = f"{identifier}-{k}"
        letter = element("span", nodes.Text(LETTERS[k]), class_="quiz-letter")
        fields += element(
            "div",
            element(
                "input", type="radio", name=identifier, id=radio, value=str(k), class_="pst-js-only"
            ),
            element("label", letter, element("span", *label, class_="quiz-text"), for_=radio),
            class_="quiz-choice",
            data_right=right,
        )
        mark = f"{LETTERS[k]} is right." if right else f"{LETTERS[k]} is not what happens."
        answer += element(
            "div",
            element("p", nodes.Text(mark), class_="quiz-mark"),
            *feedback,
            class_="quiz-feedback",
            data_right=right,
        )
    fields += element(
        "button",
        nodes.Text("Commit to this answer"),
        type="button",
        class_="quiz-commit pst-js-only",
    )
    answer += element("div", *body, class_="quiz-body")
    return element(
        "div",
        element("p", nodes.Text(title), class_="quiz-title"),
        *scene,
        fields,
        answer,
        class_="quiz",
        id=identifier,
    )
