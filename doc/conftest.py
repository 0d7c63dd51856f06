"""Which files here are tests, and what do they find when they run?"""

import os
import sys
from pathlib import Path

# Pictures are drawn, and not shown on a screen.
os.environ["MPLBACKEND"] = "agg"

# On small data a second thread only costs time. Nothing that reads this is loaded yet.
os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

# A user's own modules, which the guide shows and imports.
sys.path.append(str(Path(__file__).parent / "user_guide"))

collect_ignore = ["_build", "auto_examples", "generated"]
collect_ignore_glob = ["*.py"]
