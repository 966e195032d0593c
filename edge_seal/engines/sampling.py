"""From logits to a token, and from tokens to text that may be shown. No model needed to test either."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

import numpy as np

from edge_seal.engines.engine import NoNumbers
from edge_seal.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_seal.engines.engine import FloatArray, Sampling

_MAX_SEED = 2**64
_FIRST_CANDIDATES = 512


class Drawer:
    """Draws one token after the other; the same settings and the same logits give the same tokens on any machine."""

    def __init__(self, sampling: Sampling) -> None:
        """Checks the settings.

        Raises:
            EngineError: a setting is out of its range.
        """
        if sampling.max_tokens < 1:
            raise EngineError(f"an answer of {sampling.max_tokens} tokens cannot be drawn; the least is 1")
        if not 0.0 <= sampling.temperature <= 100.0:
            raise EngineError(f"the temperature is {sampling.temperature}; it is from 0 to 100")
        if not 0.0 < sampling.top_p <= 1.0:
            raise EngineError(f"top_p is {sampling.top_p}; it is above 0 and at most 1")
        if not 0 <= sampling.seed < _MAX_SEED:
            raise EngineError(f"the seed is {sampling.seed}; it is from 0 to {_MAX_SEED - 1}")
        if any(not stop for stop in sampling.stop):
            raise EngineError("a stop string is empty")
        self._temperature = sampling.temperature
        self._top_p = sampling.top_p
        self._forbidden = np.asarray(sampling.forbidden, dtype=np.intp)
        # The bit stream of PCG64 is promised to stay as it is; the distributions built on it are not.
        self._bits = np.random.PCG64(sampling.seed)

    def draw(self, logits: FloatArray) -> int:
        """The next token after `logits` `(vocabulary,)`.

        Raises:
            NoNumbers: the logits are none, or every token is forbidden.
        """
        if self._forbidden.size:
            logits = logits.copy()
            logits[self._forbidden] = -np.inf
        best = int(np.argmax(logits))
        if not np.isfinite(logits[best]):
            raise NoNumbers("the model computed logits that are no numbers", next_step="edge-seal rollback base")
        if self._temperature == 0.0:
            return best
        # float64: a cumulative sum of 100,000 float32 terms is off by more than some tokens' probability.
        weights = np.exp((logits.astype(np.float64) - float(logits[best])) / self._temperature)
        tokens, cumulative = self._nucleus(weights)
        uniform = int(self._bits.random_raw() >> 11) * 2.0**-53
        return int(tokens[np.searchsorted(cumulative, uniform * cumulative[-1], side="right")])

    def _nucleus(
        self, weights: np.ndarray[tuple[int], np.dtype[np.float64]]
    ) -> tuple[np.ndarray[tuple[int], np.dtype[np.intp]], np.ndarray[tuple[int], np.dtype[np.float64]]]:
        """The most likely tokens that together reach `top_p`, the likeliest first, and their cumulative weights."""
        wanted = self._top_p * float(weights.sum())
        # Few tokens hold nearly all of the weight, and sorting the whole vocabulary costs more than the network's head.
        count = min(_FIRST_CANDIDATES, weights.size)
        while True:
            threshold = np.partition(weights, weights.size - count)[weights.size - count]
            tokens = np.flatnonzero(weights >= threshold)  # every tie with the last one too, so order decides nothing
            tokens = tokens[np.argsort(-weights[tokens], kind="stable")]
            cumulative = np.cumsum(weights[tokens])
            if cumulative[-1] >= wanted or count == weights.size:
                break
            count = min(count * 8, weights.size)
        kept = min(int(np.searchsorted(cumulative, wanted, side="left")) + 1, tokens.size)
        return tokens[:kept], cumulative[:kept]


class TextStream:
    """Bytes of tokens in, text out that will not change: whole code points, and nothing that may belong to a stop."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._stops = tuple(stops)
        self._held = ""
        self.stopped = False
        """A stop string was found; no more text comes."""

    def feed(self, piece: bytes) -> str:
        """The text that `piece` makes certain; often empty."""
        if self.stopped:
            return ""
        self._held += self._decoder.decode(piece)
        found = [place for place in (self._held.find(stop) for stop in self._stops) if place >= 0]
        if found:
            self.stopped = True
            text, self._held = self._held[: min(found)], ""
            return text
        keep = self._possible_stop()
        text = self._held[: len(self._held) - keep]
        self._held = self._held[len(self._held) - keep :]
        return text

    def finish(self) -> str:
        """What was held back and turned out to be no stop. A code point that was never completed is left out."""
        text, self._held = self._held, ""
        return text

    def _possible_stop(self) -> int:
        """How many characters at the end may be the beginning of a stop string."""
        longest = min(max((len(stop) for stop in self._stops), default=1) - 1, len(self._held))
        for length in range(longest, 0, -1):
            end = self._held[-length:]
            if any(stop.startswith(end) for stop in self._stops):
                return length
        return 0
