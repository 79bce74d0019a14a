"""Starts the worker and the page, and says where the page is."""

import errno
import logging
import socket
import sys
import threading
import webbrowser
from contextlib import suppress

from waitress.server import create_server

from cache.errors import UserError
from cache.location import cache_dir
from cache.store import Store
from dashboard.app import create_app
from dashboard.config import Config, worker_config
from dashboard.jobs import Jobs
from dashboard.live import IN_MEMORY
from dashboard.pictures import open_library
from dashboard.service import Service

THREADS = 12


def serve(config: Config) -> None:
    """Serves the page until Ctrl-C. Raises UserError when the port is taken or a folder is no
    good."""
    _check_port(config.host, config.port)
    worker = worker_config(config)
    store = Store(cache_dir(config.cache))
    library = open_library(worker, store)
    with Jobs(worker) as jobs:
        service = Service(config, jobs, store, library)
        app = create_app(service)
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)
        server = create_server(
            app.server, host=config.host, port=config.port, threads=THREADS,
            inbuf_overflow=IN_MEMORY, outbuf_overflow=IN_MEMORY,
        )  # fmt: skip
        address = f"http://{config.host}:{config.port}"
        print(f"Neuronscope is at {address}  (Ctrl-C stops it)", file=sys.stderr, flush=True)
        if config.browser:
            threading.Timer(0.8, webbrowser.open, [address]).start()
        try:
            server.run()
        except KeyboardInterrupt:
            server.close()
        with suppress(KeyboardInterrupt):  # a second one does not wait
            service.end()


def _check_port(host: str, port: int) -> None:
    """A taken port is found before the worker starts."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise UserError(f"port {port} is in use; choose another with --port") from None
            raise UserError(f"cannot listen on {host}:{port}: {error.strerror}") from None
