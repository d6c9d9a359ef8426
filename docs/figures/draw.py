"""Draw figures of the guide into a folder, and the picture of the README, which is committed, into docs/tables.

python docs/figures/draw.py                      # all of them, into docs/_build/figures
python docs/figures/draw.py accuracy_and_labels  # the picture of the README alone
"""

import argparse
import os
import runpy
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
SHARED = {"draw", "bursts"}
README_PICTURE = "accuracy_and_labels"


def main():
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = sorted(path.stem for path in HERE.glob("*.py") if path.stem not in SHARED)
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(names))
    parser.add_argument("--folder", type=Path, default=HERE.parent / "_build" / "figures")
    options = parser.parse_args()
    folder = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(HERE)  # as in a build of the pages: the scripts name tables relative to their own folder
    sys.path.insert(0, str(HERE))
    for name in options.names or names:
        start = time.process_time()
        runpy.run_path(f"{name}.py")
        for number in plt.get_fignums():
            plt.figure(number).savefig(folder / f"{name}{'' if number == 1 else f'_{number}'}.png", dpi=110)
            if name == README_PICTURE:
                plt.figure(number).savefig(HERE.parent / "tables" / f"{name}.png", dpi=110)
        plt.close("all")
        print(f"{name}: {time.process_time() - start:.1f} s of the processor")


if __name__ == "__main__":
    main()
