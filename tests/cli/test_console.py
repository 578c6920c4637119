from mien.cli.console import styles_of
from mien.emotions import colours_of


def test_labels_of_ones_own_differ_in_the_terminal_as_in_drawings() -> None:
    """Fault 14: each label was drawn without knowing of the others, so all had one colour."""
    labels = ("bored", "busy", "happy", "curious")
    styles = styles_of(labels)
    assert len(set(styles.values())) == len(labels)
    assert styles["busy"] == "rgb({},{},{})".format(*colours_of(labels)["busy"])
