"""Write the file of handwritten digits again: `python -m equivar.data.make_digits`.

It only repacks what scikit-learn ships. Needs scikit-learn: `pip install scikit-learn`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from equivar.data.digits import FILE

__all__ = ["make"]


def make(file: Path) -> None:
    """Write scikit-learn's digits as whole numbers, compressed.

    Args:
        file: where to write; an existing file is replaced.
    """
    from sklearn.datasets import load_digits

    source = load_digits()
    np.savez_compressed(
        file, images=source.images.astype(np.uint8), labels=source.target.astype(np.uint8)
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--file", type=Path, default=FILE)
    make(parser.parse_args().file)
