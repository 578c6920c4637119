"""The software bill of materials of a wheel, in CycloneDX's JSON.

    python release/sbom.py dist/mien/mien-0.1.0-py3-none-any.whl > mien.cdx.json

It names the package, what it needs and what its extras need, by the ranges of its metadata, and each model file in it
by its SHA-256. Everything comes from the wheel, so the same wheel gives the same text.
"""

import hashlib
import json
import re
import sys
import uuid
import zipfile
from datetime import UTC, datetime
from email.message import Message
from email.parser import Parser
from pathlib import Path
from typing import Any, Final

VERSION: Final = "1.6"
"""Of CycloneDX."""

DATA: Final = (".onnx",)
"""Endings of files that are listed by themselves."""


def bill_of_materials(wheel: Path, seconds: int) -> str:
    """The bill as JSON; `seconds` since 1970 is when the wheel was built."""
    with zipfile.ZipFile(wheel) as archive:
        [about] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = Parser().parsestr(archive.read(about).decode())
        weights = {name: archive.read(name) for name in sorted(archive.namelist()) if name.endswith(DATA)}
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    package = purl(metadata["Name"], metadata["Version"])
    needed, wanted = requirements(metadata)
    files = [model(name, content, metadata["License-Expression"]) for name, content in weights.items()]
    bill = {
        "$schema": f"http://cyclonedx.org/schema/bom-{VERSION}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": VERSION,
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, digest)}",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(seconds, UTC).isoformat(),
            "component": {
                "type": "library",
                "bom-ref": package,
                "name": metadata["Name"],
                "version": metadata["Version"],
                "description": metadata["Summary"],
                "licenses": [{"license": {"id": metadata["License-Expression"]}}],
                "purl": package,
                "hashes": [{"alg": "SHA-256", "content": digest}],
            },
        },
        "components": [*files, *needed, *wanted],
        "dependencies": [
            {"ref": package, "dependsOn": sorted({each["bom-ref"] for each in [*needed, *wanted]})},
        ],
    }
    return json.dumps(bill, indent=1, ensure_ascii=False) + "\n"


def purl(name: str, version: str = "") -> str:
    """A package's address as package-url.org defines it."""
    normal = re.sub(r"[-_.]+", "-", name).lower()
    return f"pkg:pypi/{normal}" + (f"@{version}" if version else "")


def requirements(metadata: Message) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What the package needs, and what its extras bring besides."""
    ranges: dict[str, dict[str, set[str]]] = {}
    for line in metadata.get_all("Requires-Dist") or []:
        requirement, _, marker = (part.strip() for part in line.partition(";"))
        name, versions = re.fullmatch(r"([\w.-]+)(?:\[[^]]*])?\s*(.*)", requirement).groups()  # type: ignore[union-attr]
        extra = re.search(r"extra == ['\"]([\w-]+)['\"]", marker)
        ranges.setdefault(name, {}).setdefault(extra[1] if extra else "", set()).add(versions)
    rows = [
        {
            "type": "library",
            "bom-ref": purl(name),
            "name": name,
            "scope": "required" if "" in extras else "optional",
            "purl": purl(name),
            "properties": [
                {"name": f"mien:range{f':{extra}' if extra else ''}", "value": ", ".join(sorted(versions)) or "any"}
                for extra, versions in sorted(extras.items())
            ],
        }
        for name, extras in sorted(ranges.items())
    ]
    return [row for row in rows if row["scope"] == "required"], [row for row in rows if row["scope"] == "optional"]


def model(name: str, content: bytes, licence: str) -> dict[str, Any]:
    """A model file in the wheel."""
    return {
        "type": "machine-learning-model",
        "bom-ref": name,
        "name": name,
        "licenses": [{"license": {"id": licence}}],
        "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(content).hexdigest()}],
    }


if __name__ == "__main__":
    print(bill_of_materials(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0), end="")
