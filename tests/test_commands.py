"""The commands of the documents: their options exist, and those that can be run print what is shown."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer

from mien.cli import VERBS, app

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

BLOCK = re.compile(r"^```(\w*)([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
"""A block, the name of its language, and what stands after that. A block of code or commands that no test runs says so,
and why: "```sh no-run: needs a camera"."""

SHELL = ("console", "sh")
NO_RUN = re.compile(r" no-run: \w.*")

INDENTED = re.compile(r"(?:\A|\n)\n((?:    .*\n)+)")
INLINE = re.compile(r"`(mien [a-z][^`]*)`")


class Block(NamedTuple):
    """A block of a document."""

    page: Path
    line: int
    language: str
    mark: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def commands(self) -> list[tuple[str, list[str]]]:
        """Each command, its continued lines joined, and the lines of output that are shown beneath it."""
        found: list[tuple[str, list[str]]] = []
        if self.language == "sh":
            return [(self.text, [])]
        going_on = False
        for line in self.text.splitlines():
            if line.startswith("$ ") or going_on:
                before = found.pop()[0] if going_on else ""
                going_on = line.endswith("\\")
                found.append((before + line.removeprefix("$ ").removesuffix("\\"), []))
            elif found:
                found[-1][1].append(line)
        return found


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [Block(page, text.count("\n", 0, each.start()) + 1, *each.groups()) for each in BLOCK.finditer(text)]


BLOCKS = [block for page in PAGES for block in blocks(page)]
COMMANDS = [block for block in BLOCKS if block.language in SHELL]


def test_what_is_not_run_says_why() -> None:
    marked = [block for block in BLOCKS if block.mark]
    assert len(marked) > 5
    assert [str(block) for block in marked if not NO_RUN.fullmatch(block.mark)] == []
    assert [str(block) for block in marked if block.language not in (*SHELL, "python")] == []


def test_pictures_that_blocks_name_are_in_a_clone() -> None:
    """Whoever copies a block finds them. What a command writes is in `out`."""
    named = {
        (str(block), name)
        for block in BLOCKS
        if block.language in (*SHELL, "python")
        for name in re.findall(r"[\w./-]+\.jpg", block.text)
        if not name.startswith(("out/", "no-such-file"))
    }
    assert len(named) > 20
    assert [each for each in sorted(named) if not (ROOT / each[1]).is_file()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_stand_in_blocks_of_their_language(page: Path) -> None:
    """A block that is indented, or has no language, would be neither run nor parsed."""
    text = page.read_text(encoding="utf-8")
    others = [*INDENTED.findall(BLOCK.sub("", text)), *(block.text for block in blocks(page) if not block.language)]
    assert [text for text in others if re.search(r"^(    )?\$? ?(mien|pip|python) ", text, re.MULTILINE)] == []


def calls(script: str) -> Iterator[list[str]]:
    """The words after each `mien` of a shell script."""
    tokens: list[str] = []
    for line in script.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>()")
        lexer.whitespace_split = True
        tokens += [*lexer, ";"]
    words: list[str] = []
    for word in tokens:
        if set(word) <= set("|&;<>()"):
            while words and (re.match(r"\w+=", words[0]) or words[0] in ("do", "then", "until", "while", "if")):
                words.pop(0)
            if words and words[0].rpartition("/")[2] == "mien":
                yield words[1:]
            elif "-m" in words and words[words.index("-m") + 1 :][:1] == ["mien"]:
                yield words[words.index("-m") + 2 :]
            words = []
        else:
            words.append(word)


def resolved(words: list[str]) -> tuple[Any, Any, list[str]]:
    """The command that words call, its context, and the words that it is given."""
    command: Any = typer.main.get_command(app)
    context = command.context_class(command, info_name="mien")
    while getattr(command, "commands", None) and words and not words[0].startswith("-"):
        name, command, words = command.resolve_command(context, words)
        context = command.context_class(command, info_name=name, parent=context)
    return command, context, words


def parse(words: list[str]) -> None:
    """Parse words as the command line would; what is wrong with them is raised."""
    command, context, rest = resolved(words)
    with suppress(typer.Exit):  # of --version
        command.parse_args(context, [*rest])


@pytest.mark.parametrize("block", [block for block in COMMANDS if "mien" in block.text], ids=str)
def test_every_command_is_one_that_the_command_line_takes(block: Block) -> None:
    for script, _ in block.commands:
        for words in calls(script):
            parse(words)


def test_a_wrong_command_would_be_found() -> None:
    for wrong in (
        "mien analyse a.jpg",
        "cd a && mien analyze a.jpg --outt b",
        "mien train x --fold",
        "mien data sat x",
    ):
        [words] = calls(wrong)
        with pytest.raises(Exception, match=r"analyse|--outt|--fold|sat"):
            parse(words)


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "log.md"], ids=lambda page: page.name)
def test_every_verb_and_option_in_a_sentence_exists(page: Path) -> None:
    unknown = []
    for text in INLINE.findall(page.read_text(encoding="utf-8")):
        words = text.split()
        if words[1] not in VERBS:
            unknown.append(text)
            continue
        command, context, rest = resolved(words[1:])
        known = {option for each in command.get_params(context) for option in (*each.opts, *each.secondary_opts)}
        asked = {word.partition("=")[0] for word in rest if word.startswith("--")}
        unknown += [f"{text}: {option}" for option in asked - known]
    assert unknown == []


def shows(printed: str, shown: Iterable[str]) -> str | None:
    """The first shown line that was not printed, in this order; an ellipsis stands for anything."""
    lines = iter(line.rstrip() for line in printed.replace("\N{NO-BREAK SPACE}", " ").splitlines())
    for line in shown:
        pattern = re.compile(re.escape(line.rstrip()).replace("…", ".*"))
        if line.strip() not in ("", "…") and not any(pattern.fullmatch(each) for each in lines):
            return line
    return None


RUN = [page for page in PAGES if any(not block.mark for block in blocks(page) if block.language in SHELL)]


@pytest.fixture
def shell(place: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of programs: `mien` and `python` are those of the tests."""
    programs = tmp_path_factory.mktemp("programs")
    for name, words in (("mien", "-m mien"), ("python", "")):
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n')
        (programs / name).chmod(0o755)
    return programs


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("page", RUN, ids=lambda page: page.name)
def test_commands_print_what_is_shown(page: Path, place: Path, shell: Path) -> None:
    """All commands of a page, one after the other in one shell."""
    script = ["set -eo pipefail", "trap 'kill $(jobs -p) 2> /dev/null || true' EXIT"]
    shown: list[tuple[Block, str, list[str]]] = []
    for block in blocks(page):
        if block.language == "python" and not block.mark and (file := re.match(r"# (\w+\.py)\n", block.text)):
            (place / file[1]).write_text(block.text, encoding="utf-8")
        if block.language in SHELL and not block.mark:
            for command, lines in block.commands:
                script += [f"printf '\\036%s\\n' {len(shown)}", command]
                shown.append((block, command, lines))
    environment = os.environ | {
        "PATH": f"{shell}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "120", "PYTHONPATH": f"{ROOT / 'src'}:.",
    }  # fmt: skip
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)], cwd=place, env=environment, check=False,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
    )  # fmt: skip
    printed = [text.partition("\n")[2] for text in done.stdout.split("\x1e")[1:]]
    assert done.returncode == 0, f"{shown[len(printed) - 1][0]}: {shown[len(printed) - 1][1]}\n{printed[-1]}"
    for (block, command, lines), text in zip(shown, printed, strict=True):
        assert shows(text, lines) is None, f"{block}: {command} printed\n{text}"
