"""Run a notebook's cells in their order, and store what they show: `python run_notebook.py first_look.ipynb`.

It needs no Jupyter, and knows what these notebooks use: text, the value of a cell's last expression, data frames and
pictures.
"""

import ast
import base64
import contextlib
import io
import json
import sys
from pathlib import Path
from typing import Any


def run(notebook: Path) -> dict[str, Any]:
    """The notebook with new outputs; its cells run in its own folder."""
    content: dict[str, Any] = json.loads(notebook.read_text(encoding="utf-8"))
    names: dict[str, Any] = {"__name__": "__main__"}
    with contextlib.chdir(notebook.parent):
        cells = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
        for number, cell in enumerate(cells, start=1):
            cell["execution_count"], cell["outputs"] = number, outputs("".join(cell["source"]), names, number)
    return content


def outputs(source: str, names: dict[str, Any], number: int) -> list[dict[str, Any]]:
    """What a cell prints, and the value of its last expression."""
    tree = ast.parse(source)
    last = ast.Expression(tree.body.pop().value) if isinstance(tree.body[-1], ast.Expr) else None  # type: ignore[attr-defined]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, f"cell {number}", "exec"), names)
        value = eval(compile(last, f"cell {number}", "eval"), names) if last else None
    found: list[dict[str, Any]] = []
    if printed.getvalue():
        found.append({"name": "stdout", "output_type": "stream", "text": printed.getvalue().splitlines(keepends=True)})
    if value is not None:
        shown = {"data": shown_as(value), "execution_count": number, "metadata": {}, "output_type": "execute_result"}
        found.append(shown)
    return found


def shown_as(value: Any) -> dict[str, Any]:
    """A value by its media types, as Jupyter asks for them."""
    if hasattr(value, "_repr_png_"):
        return {"image/png": base64.b64encode(value._repr_png_()).decode(), "text/plain": ["a picture"]}
    data = {"text/plain": repr(value).splitlines(keepends=True)}
    if hasattr(value, "_repr_html_"):
        data["text/html"] = value._repr_html_().splitlines(keepends=True)
    return data


if __name__ == "__main__":
    for name in map(Path, sys.argv[1:]):
        text = json.dumps(run(name), indent=1, ensure_ascii=False) + "\n"
        name.write_text(text, encoding="utf-8")
