import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from mien.serve.limits import Limits

pytest.importorskip("fastapi")


def test_every_limit_is_an_option(run_mien: Callable[..., tuple[int, str, str]]) -> None:
    status, out, _ = run_mien("serve", "--help")
    assert status == 0
    for name in Limits.__dataclass_fields__:
        assert f"--{name.replace('_', '-')}" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--waiting", "0"), "waiting is a whole number, above 0; got 0"),
        (("--allow-origin", "*"), "an origin is as https://example.org"),
        (("--model", "nope"), "unknown model 'nope'"),
        (("--host", "no.such.host.invalid", "--port", "1"), "cannot be listened at"),
        (("--token-file", "missing"), "--token-file: missing is not there; expected a text file that holds the token"),
    ],
)
def test_what_cannot_be_served_is_said(
    run_mien: Callable[..., tuple[int, str, str]], words: tuple[str, ...], message: str
) -> None:
    status, _, err = run_mien("serve", *words)
    assert status in (1, 2)
    assert message in " ".join(err.replace("│", "").split())


def test_a_port_that_is_taken_is_named(run_mien: Callable[..., tuple[int, str, str]]) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        status, _, err = run_mien("serve", "--port", port)
    assert status == 1
    assert f"127.0.0.1:{port} cannot be listened at" in err


@pytest.mark.parametrize(
    ("content", "fault"), [(b"hunter2\n", "another one was given"), (b"hunter2\xff", "another"), (b"\n", "is empty")]
)
def test_what_is_no_token_is_not_repeated(
    run_mien: Callable[..., tuple[int, str, str]], tmp_path: Path, content: bytes, fault: str
) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    status, out, err = run_mien("serve", "--token-file", file)
    assert status == 2
    told = " ".join(err.replace("│", "").split())
    assert "a token has 16 to 512" in told
    assert fault in told
    assert "--token-file" in told
    assert "hunter2" not in out + err


def test_a_missing_extra_names_the_command_that_brings_it() -> None:
    code = "import sys; sys.modules['fastapi'] = None; sys.argv = ['mien', 'serve']; from mien.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "The service needs an optional dependency. Install it with: pip install" in done.stderr
    assert "[serve]" in done.stderr
    assert "Traceback" not in done.stderr
