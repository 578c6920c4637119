"""The server: uvicorn, with limits on the time and the number of connections."""

import logging
import os
import socket
import sys
from collections.abc import Callable

import uvicorn

from mien.analyzer import Analyzer
from mien.errors import InvalidInput
from mien.serve.app import make_app
from mien.serve.connections import protocols
from mien.serve.guard import Access
from mien.serve.limits import Limits

_GRACE = 60  # seconds that accepted requests have once the service is told to stop


def serve(
    analyzer: Analyzer,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    limits: Limits | None = None,
    access: Access | None = None,
    workers: int | None = None,
    listening: Callable[[str], None] = lambda address: None,
) -> None:
    """Serve until the process is told to stop by SIGINT or SIGTERM; what was accepted by then is answered.

    Args:
        analyzer: Finds and reads the faces.
        host: The address to listen at.
        port: Its port; 0 for one that is free.
        limits: What is taken at most.
        access: Who may ask.
        workers: Threads that analyse pictures; by default as many as there are cores.
        listening: Is given the service's URL before the first request.

    Raises:
        InvalidInput: The address cannot be listened at.
    """
    limits = limits or Limits()
    connection, web_socket = protocols(limits)
    config = uvicorn.Config(
        make_app(analyzer, limits, access, workers=workers),
        http=connection,
        ws=web_socket,
        ws_max_size=limits.picture_bytes,
        ws_ping_interval=20,
        ws_ping_timeout=20,
        ws_per_message_deflate=False,  # frames are compressed already, and a bomb could not be told before it is one
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,  # whoever sends them could be anybody
        timeout_keep_alive=5,
        timeout_graceful_shutdown=_GRACE,
        h11_max_incomplete_event_size=32_768,
        backlog=min(1024, 2 * limits.connections),
    )
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)  # `Guard` logs faults; what clients do wrong is none
    # How long a thread that analyses may keep others from running; those who are refused shall know it at once.
    sys.setswitchinterval(0.001)
    with _listening_at(host, port) as sock:
        address, used = sock.getsockname()[:2]
        listening(f"http://{f'[{address}]' if ':' in address else address}:{used}")
        uvicorn.Server(config).run(sockets=[sock])


def _listening_at(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # With its protocol, which `socket.create_server` leaves out: only then does asyncio switch Nagle's algorithm
        # off, which holds the second part of an answer back for 40 ms.
        sock = socket.socket(family, kind, protocol)
        try:
            if os.name == "posix":  # elsewhere it would let two services listen at one address
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(address)
            sock.listen()
        except OSError:
            sock.close()
            raise
    except (OSError, UnicodeError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InvalidInput(f"{host}:{port} cannot be listened at: {reason}; choose another --host or --port") from error
    return sock
