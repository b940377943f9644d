"""Execute the pages that the cache lacks, as many at once as there are cores.

myst-nb executes a page when it reads it, one after another. Each page has a kernel of its own and
waits for nobody, so all of them are executed before the first is read; myst-nb then finds them in
its cache. What fails here is not cached: myst-nb executes that page again, and its report goes
through ``failures`` like any other.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.executors.utils import single_nb_execution
from myst_nb.core.read import create_nb_reader
from sphinx.util.display import status_iterator

if TYPE_CHECKING:
    from nbformat import NotebookNode
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment


class Lecture(NamedTuple):
    """A page that has to be executed: its file, its cells, and how jupyter-cache reads it."""

    path: Path
    notebook: NotebookNode
    read_fmt: dict[str, Any]


def execute_ahead(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """Fill the cache with the pages that are about to be read.

    Args:
        app: the Sphinx application.
        env: its environment, with myst-nb's settings.
        docnames: the pages to read.
    """
    settings = env.mystnb_config  # type: ignore[attr-defined]
    if settings.execution_mode != "cache":
        return
    cache = get_cache(settings.execution_cache_path)
    lectures = (_lecture(env, env.doc2path(name)) for name in docnames)
    waiting = [page for page in lectures if page and not _is_cached(cache, page.notebook)]
    if len(waiting) < 2:  # myst-nb does as well
        return

    def run(page: Lecture) -> tuple[Lecture, Any]:
        return page, single_nb_execution(
            page.notebook,
            cwd=str(page.path.parent),
            timeout=settings.execution_timeout,
            allow_errors=settings.execution_allow_errors,
            meta_override=True,
        )

    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        jobs = [pool.submit(run, page) for page in waiting]
        done = status_iterator(
            as_completed(jobs),
            "executing pages... ",
            length=len(jobs),
            verbosity=app.verbosity,
            stringify_func=lambda job: job.result()[0].path.name,
        )
        try:
            # One thread writes: jupyter-cache's database takes one at a time.
            for page, result in (job.result() for job in done):
                if result.err is None:
                    record = cache.add_nb_to_project(str(page.path), read_data=page.read_fmt)
                    seconds = {"execution_seconds": result.time}
                    cache.cache_notebook_bundle(
                        CacheBundleIn(page.notebook, record.uri, data=seconds),
                        check_validity=False,
                        overwrite=True,
                    )
        finally:
            pool.shutdown(cancel_futures=True)  # Ctrl-C does not wait for those not yet begun


def _lecture(env: BuildEnvironment, page: str) -> Lecture | None:
    """Read a page as myst-nb does; None where it has no cells to execute."""
    path = Path(page)
    text = path.read_text("utf-8")
    reader = create_nb_reader(page, env.myst_config, env.mystnb_config, text)  # type: ignore[attr-defined]
    if reader is None or reader.read_fmt is None:
        return None
    return Lecture(path, reader.read(text), reader.read_fmt)


def _is_cached(cache: Any, notebook: NotebookNode) -> bool:
    """Whether jupyter-cache holds outputs of these cells."""
    try:
        cache.match_cache_notebook(notebook)
    except KeyError:
        return False
    return True
