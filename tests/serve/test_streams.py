from threading import Event

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from mien.analyzer import Analyzer
from mien.recognition import Abstention
from mien.serve.schema import StreamAnswer
from mien.serve.streams import Newest
from mien.values import Detection, Image

from .fakes import STREAM, Ask, Grey, encoded, top_left, until


def test_each_frame_is_answered(ask: Ask) -> None:
    with ask().websocket_connect(STREAM) as socket:
        answers = []
        for _ in range(3):
            socket.send_bytes(encoded())
            answers.append(StreamAnswer.model_validate(socket.receive_json()))
    assert [answer.index for answer in answers] == [0, 1, 2]
    assert {face.track_id for answer in answers for face in answer.faces} == {1}
    assert answers[0].time == 0 < answers[1].time < answers[2].time
    assert (answers[-1].received, answers[-1].dropped) == (3, 0)


def test_a_face_is_unclear_by_its_smoothed_scores(ask: Ask, fake: Analyzer) -> None:
    fake.abstention = Abstention(least_lead=2.0)  # which no scores reach
    with ask().websocket_connect(STREAM) as socket:
        socket.send_bytes(encoded())
        [face] = StreamAnswer.model_validate(socket.receive_json()).faces
    assert face.uncertain == ["unclear"]


def test_the_newest_frame_wins() -> None:
    newest = Newest()
    frames = iter(newest)
    newest.put(b"first")
    assert next(frames)[2] == b"first"
    for content in (b"second", b"third", b"fourth"):
        newest.put(content)
    number, _, content = next(frames)
    assert (number, content) == (3, b"fourth")
    assert (newest.received, newest.dropped) == (4, 2)
    newest.put(b"fifth")
    newest.end()
    assert list(frames) == []


def test_frames_that_come_too_fast_are_dropped_and_counted(ask: Ask) -> None:
    entered, release = Event(), Event()

    def detector(image: Image) -> list[Detection]:
        if image.any():
            entered.set()
            release.wait(60)
        return top_left(image)

    client = ask(Analyzer(Grey(), detector))
    with client.websocket_connect(STREAM) as socket:
        socket.send_bytes(encoded())
        entered.wait(60)
        for _ in range(20):
            socket.send_bytes(encoded())
        # Each but the last of them gives way to the next one.
        until(lambda: 'mien_stream_frames_total{outcome="dropped"} 19.0' in client.get("/metrics").text)
        release.set()
        assert [socket.receive_json()["index"] for _ in range(2)] == [0, 20]


def test_a_frame_that_cannot_be_read_is_answered_and_the_stream_goes_on(ask: Ask) -> None:
    with ask().websocket_connect(STREAM) as socket:
        socket.send_bytes(b"nonsense")
        bad = socket.receive_json()
        socket.send_bytes(encoded())
        good = socket.receive_json()
    assert (bad["index"], bad["faces"]) == (0, [])
    assert "frame 0 is no picture" in bad["error"]
    assert (good["index"], len(good["faces"])) == (1, 1)


def closed(client: TestClient, *frames: bytes | str) -> int:
    """The code with which a stream is closed that sends these."""
    with client.websocket_connect(STREAM) as socket, pytest.raises(WebSocketDisconnect) as caught:
        for frame in frames:
            socket.send_text(frame) if isinstance(frame, str) else socket.send_bytes(frame)
        while True:
            socket.receive_json()
    return int(caught.value.code)


def test_what_a_stream_may_not_do(ask: Ask) -> None:
    client = ask(stream_rate=0.01, picture_bytes=5_000)  # two frames in 200 s are too many
    assert closed(client, "text") == 1008
    assert closed(client, b"x" * 5_001) == 1009
    assert closed(client, b"x", b"x") == 1008
    assert closed(ask(idle_seconds=0.2)) == 1000


def test_there_are_only_so_many_streams(ask: Ask) -> None:
    client = ask(streams=1)
    with client.websocket_connect(STREAM):
        assert closed(client) == 1013
    with client.websocket_connect(STREAM) as socket:
        socket.send_bytes(encoded())
        assert socket.receive_json()["faces"]


def test_a_stream_that_asks_for_too_much_is_told_so(ask: Ask) -> None:
    client = ask(Analyzer("mini-xception"))
    with client.websocket_connect(f"{STREAM}?max_error=0.0001") as socket, pytest.raises(WebSocketDisconnect) as caught:
        socket.receive_json()
    assert caught.value.code == 1008
    assert caught.value.reason.startswith("max_error is 0.0001, which is too low")
    assert len(caught.value.reason.encode()) <= 123
