import json

import pytest

from mien.installation import install_command

INDEX = {"url": "https://example.org/mien-0.1.0-py3-none-any.whl", "archive_info": {"hash": "sha256=00"}}


@pytest.mark.parametrize(
    ("about", "command"),
    [
        ({"url": "file:///home/me/mien", "dir_info": {"editable": True}}, "pip install -e '/home/me/mien[video]'"),
        ({"url": "file:///home/me/mien", "dir_info": {}}, "pip install '/home/me/mien[video]'"),
        ({"url": "file:///home/me/my%20mien", "dir_info": {}}, "pip install '/home/me/my mien[video]'"),
        (INDEX, "pip install 'mien[video]'"),
        ({}, "pip install 'mien[video]'"),
    ],
    ids=["editable", "folder", "space", "archive", "index"],
)
def test_an_extra_comes_from_where_mien_came_from(about: dict[str, object], command: str) -> None:
    assert install_command("video", json.dumps(about)) == command


def test_a_package_of_its_own_comes_from_its_folder_in_the_clone() -> None:
    clone = {"url": "file:///home/me/my%20mien", "dir_info": {}}
    assert install_command("gelu", json.dumps(clone)) == "pip install '/home/me/my mien/models/gelu-cnn'"
    assert install_command("gelu", json.dumps(INDEX)) == "pip install 'mien[gelu]'"


def test_this_installation_can_be_asked() -> None:
    assert install_command("video").startswith("pip install ")
