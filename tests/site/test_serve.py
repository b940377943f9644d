"""The local server, and the search for a browser."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import pytest

from coursetools import browser
from coursetools.serve import make_server, serving


@pytest.fixture
def small(tmp_path: Path) -> Path:
    (tmp_path / "index.html").write_text("<p>hello</p>")
    (tmp_path / "widget.js").write_text("export default 1;")
    (tmp_path / "exercise.ipynb").write_text("{}")
    return tmp_path


def test_files_have_their_types_and_are_not_cached(small: Path) -> None:
    kinds = {
        "": "text/html",
        "widget.js": "text/javascript",
        "exercise.ipynb": "application/x-ipynb+json",
    }
    with serving(small) as url:
        assert url.startswith("http://127.0.0.1:")
        for name, kind in kinds.items():
            with urllib.request.urlopen(url + name) as answer:
                assert answer.headers["Content-Type"].startswith(kind)
                assert "no-store" in answer.headers["Cache-Control"]


def test_a_taken_port_gives_another(small: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        server = make_server(small, port)
        assert server.server_address[1] != port
        server.server_close()


def test_no_site_names_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from coursetools.serve import main

    assert main([str(tmp_path / "nothing")]) == 1
    assert "make site" in capsys.readouterr().err


def test_control_c_ends_it_cleanly(small: Path) -> None:
    words = [sys.executable, "-m", "coursetools.serve", str(small), "--port", "0"]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        line = process.stdout.readline()
        assert "http://127.0.0.1:" in line
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0
        assert process.stderr.read() == ""


@pytest.fixture
def no_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser.shutil, "which", lambda name: None)
    monkeypatch.setattr(browser, "_playwright_own", lambda: None)


@pytest.mark.usefixtures("no_browser")
def test_a_missing_browser_names_the_command() -> None:
    with pytest.raises(browser.NoBrowserError, match=r"coursetools\.browser install"):
        browser.find()


@pytest.mark.usefixtures("no_browser")
def test_an_install_that_fails_lists_what_to_run() -> None:
    tried: list[Sequence[str]] = []

    def fails(command: Sequence[str]) -> int:
        tried.append(command)
        return 1

    with pytest.raises(browser.NoBrowserError, match="playwright install chromium"):
        browser.install(fails)
    assert tried


def test_debian_s_own_package_goes_first_where_root_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(browser, "_is_root", lambda: True)
    assert browser.ways("python")[0][1] == ["apt-get", "install", "-y", "chromium"]
    monkeypatch.setattr(browser, "_is_root", lambda: False)
    assert browser.ways("python") == [[["python", "-m", "playwright", "install", "chromium"]]]
