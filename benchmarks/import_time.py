"""Import time of skpoison, relative to `import sklearn, imblearn`.

Each import runs in a fresh interpreter, in turn. Prints the median of the pairwise
ratios, with all public subpackages imported too.

Run: ``python benchmarks/import_time.py [--rounds 15]``
"""

import argparse
import subprocess
import sys
import time

import numpy as np

STATEMENTS = {
    "import sklearn, imblearn": "import sklearn, imblearn",
    "import skpoison": "import sklearn, imblearn, skpoison",
    "attacks, defences": "import skpoison.attacks, skpoison.defences",
    "everything public": "import skpoison.attacks, skpoison.defences, "
    "skpoison.model_selection, skpoison.datasets",
}


def seconds(statement):
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    for statement in STATEMENTS.values():
        seconds(statement)  # the first time compiles, and warms the disk cache
    times = np.array(
        [[seconds(each) for each in STATEMENTS.values()] for _ in range(rounds)]
    )
    for name, column in zip(STATEMENTS, times.T, strict=True):
        ratio = np.median(column / times[:, 0])
        print(f"{name:<26}{np.median(column):7.3f} s   ratio {ratio:.3f}")


if __name__ == "__main__":
    main()
