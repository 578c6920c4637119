"""How mien was installed, and so how to install more of it."""

import json
import shlex
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from urllib.parse import urlsplit

NAME = "mien"

OWN_PACKAGES = {"ensemble": "models/ensemble", "gelu": "models/gelu-cnn"}
"""Extras that are a package of their own, which a clone holds in this folder."""


def install_command(extra: str, direct_url: str | None = None) -> str:
    """The command that brings an extra: from the folder that mien was installed from, else from the package index.

    Args:
        extra: the extra's name.
        direct_url: the content of the installation's `direct_url.json` (PEP 610), which says where it came from;
            None for that of this mien.
    """
    about = json.loads(direct_url or _direct_url() or "{}")
    if "dir_info" not in about:
        return f"pip install {shlex.quote(f'{NAME}[{extra}]')}"
    from urllib.request import url2pathname  # it loads what HTTPS needs, for a message that is hardly ever shown

    folder = Path(url2pathname(urlsplit(about["url"]).path))
    if extra in OWN_PACKAGES:
        return f"pip install {shlex.quote(str(folder / OWN_PACKAGES[extra]))}"
    editable = "-e " if about["dir_info"].get("editable") else ""
    return f"pip install {editable}{shlex.quote(f'{folder}[{extra}]')}"


def _direct_url() -> str | None:
    try:
        return distribution(NAME).read_text("direct_url.json")
    except PackageNotFoundError:  # it is run from its sources
        return None
