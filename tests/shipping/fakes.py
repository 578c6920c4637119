"""What is said of the model file that `exported` in conftest.py makes by hand."""

from mien.recognition import ModelInfo

SIZE = 8
INFO = ModelInfo(
    name="halves", architecture="halves", labels=("left", "right"), input_size=SIZE, num_parameters=0,
    size_class="nano", measured={"epoch": 3},
)  # fmt: skip
