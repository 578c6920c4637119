"""onnxruntime with its telemetry switched off. The rest of mien imports it from here.

From 1.29 on, the official Linux wheels report their use and the machine to Microsoft as soon as they are imported. mien
opens no network connection that its user did not ask for.
"""

import os

_SWITCH = "ORT_DISABLE_TELEMETRY"  # read once, when onnxruntime is imported
_before = os.environ.get(_SWITCH)
os.environ[_SWITCH] = "1"
try:
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as _state
finally:
    if _before is None:
        del os.environ[_SWITCH]
    else:
        os.environ[_SWITCH] = _before

onnxruntime.disable_telemetry_events()  # on Windows, and where it was imported before

InferenceSession = onnxruntime.InferenceSession
SessionOptions = onnxruntime.SessionOptions

LOADING_ERRORS: tuple[type[Exception], ...] = (
    _state.Fail,
    _state.InvalidArgument,
    _state.InvalidGraph,
    _state.InvalidProtobuf,
    _state.NoSuchFile,
    _state.NotImplemented,
    _state.RuntimeException,
)
"""Raised for a file that is no model, or that this build cannot run; they share no base class of onnxruntime's."""
