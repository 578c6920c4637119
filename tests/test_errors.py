import pickle

from mien import errors
from mien.errors import MissingExtra


def test_every_kind_of_error_has_a_code_of_its_own() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.MienError)]
    codes = [kind.code for kind in kinds]
    assert len(set(codes)) == len(codes) > 8
    assert all(code == code.lower() and " " not in code for code in codes)


def test_a_missing_extra_can_be_sent_from_another_process() -> None:
    error = pickle.loads(pickle.dumps(MissingExtra("Parquet", "parquet", ModuleNotFoundError("No module"))))
    assert (type(error), str(error)) == (MissingExtra, str(MissingExtra("Parquet", "parquet")))


def test_what_is_installed_and_does_not_load_is_not_to_be_installed_again() -> None:
    error = MissingExtra("Parquet", "parquet", ImportError("libarrow.so: failed to map segment from shared object"))
    assert "Install" not in str(error)
    assert "is memory short? libarrow.so: failed to map segment" in str(error)
