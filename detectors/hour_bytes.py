"""One hour's vectors to compact bytes and back."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import FREQUENCIES, Binning
from detectors.pairs import counting as pairs

Vectors = tuple[
    NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]
]  # counts, moments, extremes, products, embedded


def encode(
    counts: NDArray[np.int64],
    moments: NDArray[np.float64],
    extremes: NDArray[np.float64],
    products: NDArray[np.int64],
    embedded: NDArray[np.int64],
) -> bytes:
    """One hour's vectors to compact bytes.

    Nearly all counts of an hour are below 255: one byte each, the few larger ones listed after them, then the floats
    byte-transposed (their exponents compress), then the sums of pairs and of vectors, everything deflated.
    """
    large = np.flatnonzero(counts >= 255)
    small = np.minimum(counts, 255).astype(np.uint8)
    floats = np.concatenate([moments.ravel(), extremes.ravel()]).astype("<f8")
    planes = floats.view(np.uint8).reshape(-1, 8).T
    parts = [
        np.array([len(large)], dtype="<u4").tobytes(),
        large.astype("<u4").tobytes(),
        counts[large].astype("<i8").tobytes(),
        small.tobytes(),
        planes.tobytes(),
        pairs.pack(products) if len(products) or len(embedded) else b"",
        pairs.planes(embedded),
    ]
    return zlib.compress(b"".join(parts))


def decode(binning: Binning, data: bytes) -> Vectors:
    """The inverse of ``encode``: counts int64 [L], moments and extremes float64 [numeric columns, 2], products int64
    [pairs, 6] and embedded int64 [columns of vectors, 256] (none in an hour that was stored before they were counted,
    or of a segment)."""
    raw = zlib.decompress(data)
    found = int.from_bytes(raw[:4], "little")
    start = 4 + 12 * found
    counts = np.frombuffer(raw, np.uint8, binning.size, start).astype(np.int64)
    if found:
        counts[np.frombuffer(raw, "<u4", found, 4)] = np.frombuffer(raw, "<i8", found, 4 + 4 * found)
    size = 8 * 4 * len(binning.numeric)
    planes = np.frombuffer(raw, np.uint8, size, start + len(counts)).reshape(8, -1)
    floats = np.ascontiguousarray(planes.T).view("<f8").reshape(2, -1, 2)
    products, rest = pairs.unpack(raw[start + len(counts) + size :])
    return counts, floats[0], floats[1], products, pairs.from_planes(rest).reshape(-1, 2 * FREQUENCIES)
