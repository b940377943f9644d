"""Serve the built site on this machine, and nowhere else."""

from __future__ import annotations

import argparse
import errno
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HOST = "127.0.0.1"
SITE = Path("_build/html")


class _Handler(SimpleHTTPRequestHandler):
    """Files with the MIME types that browsers insist on, never cached, nothing printed."""

    # The system's own table (/etc/mime.types) may miss these or say text/plain, and a browser
    # refuses a module script or a font with the wrong type.
    extensions_map = {  # noqa: RUF012  (the base class declares it as a plain dict)
        **SimpleHTTPRequestHandler.extensions_map,
        ".js": "text/javascript",
        ".mjs": "text/javascript",
        ".css": "text/css",
        ".json": "application/json",
        ".svg": "image/svg+xml",
        ".woff": "font/woff",
        ".woff2": "font/woff2",
        ".ipynb": "application/x-ipynb+json",
    }

    def end_headers(self) -> None:
        # A reader who builds again must see the new page, not the browser's copy.
        self.send_header("Cache-Control", "no-cache, no-store, must-revalidate")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        # A browser that closes a tab breaks its connections; that is no error of ours.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


def make_server(root: Path, port: int = 0) -> ThreadingHTTPServer:
    """Bind a server for the files under ``root`` on 127.0.0.1.

    Args:
        root: folder of the built site; must hold ``index.html``.
        port: port to bind; 0, or a port that is taken, gives a free one.

    Returns:
        The bound server, not yet serving; its address is ``server_address``.

    Raises:
        FileNotFoundError: no site was built in ``root``; the message names the command.
    """
    if not (root / "index.html").is_file():
        raise FileNotFoundError(f"No site in {root}: build it first with `make site`.")
    handler = partial(_Handler, directory=str(root))
    try:
        return _Server((HOST, port), handler)
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        return _Server((HOST, 0), handler)


def url_of(server: ThreadingHTTPServer) -> str:
    """Address of a bound server, with a trailing slash."""
    return f"http://{HOST}:{server.server_address[1]}/"


@contextmanager
def serving(root: Path) -> Iterator[str]:
    """Serve ``root`` on a free port while the block runs; yields the address.

    Args:
        root: folder of the built site.
    """
    server = make_server(root)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield url_of(server)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def main(argv: list[str] | None = None) -> int:
    """``coursetools serve [DIR] [--port N]``: serve until Ctrl-C.

    Args:
        argv: arguments after the subcommand; None takes those of the process.

    Returns:
        Exit status: 0 after Ctrl-C, 1 where no site was built.
    """
    parser = argparse.ArgumentParser(prog="coursetools serve", description=main.__doc__)
    parser.add_argument("dir", nargs="?", type=Path, default=SITE, help="the built site")
    parser.add_argument("--port", type=int, default=8000, help="taken: another is found")
    options = parser.parse_args(argv)
    try:
        server = make_server(options.dir, options.port)
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 1
    try:
        print(f"The course is at {url_of(server)}  (Ctrl-C ends it)", flush=True)
        server.serve_forever()
    except KeyboardInterrupt:
        print()
    finally:
        server.server_close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
