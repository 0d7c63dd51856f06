"""Cost of a cell, and parallel efficiency of a sweep, on processes and on dask.

A cell is an attack or a fit on one budget and fold. First the seconds of CPU of one
cell of several attacks: 10 % poison, n_p / n, on the 455 training rows and 30 columns
of a fold of the breast cancer data. Then a sweep of 4 budgets and 10 folds with two
jobs, by loky and, if distributed is installed, by a LocalCluster of dask with two
workers, as it is and with SETTINGS: the seconds of CPU of all processes, relative to
those of one process, which is what parallel work costs in addition; and the speed-up by
the clock over the number of jobs, which means something on an idle machine alone.
Workers are started before, and have imported what they need. Needs psutil.

Run: ``python benchmarks/parallel.py``
"""

import time
from contextlib import ExitStack

import numpy as np
from joblib import parallel_config
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import scale
from sklearn.svm import SVC

from skpoison.attacks import (
    GradientInsertion,
    GreedyLabelFlip,
    MarginLabelFlip,
    RandomLabelFlip,
    RelaxedLabelFlip,
)
from skpoison.model_selection import robustness_curve

X, y = load_breast_cancer(return_X_y=True)
X = scale(X)
MODEL = LogisticRegression(max_iter=1000)
ATTACKS = {
    "RandomLabelFlip": RandomLabelFlip(random_state=0),
    "MarginLabelFlip": MarginLabelFlip(MODEL, random_state=0),
    "GreedyLabelFlip": GreedyLabelFlip(MODEL, random_state=0),
    "RelaxedLabelFlip": RelaxedLabelFlip(MODEL, random_state=0),
    "GradientInsertion": GradientInsertion(MODEL, random_state=0),
    "GradientInsertion, SVC": GradientInsertion(SVC(), random_state=0),
}
N_JOBS = 2
# Workers of dask compute in a thread, to which glibc lends memory from the system, and
# takes it back, with each array of more than 128 KiB. And they look a hundred times a
# second at what they compute, and fifty times whether they still can.
SETTINGS = {
    "distributed.nanny.pre-spawn-environ.MALLOC_ARENA_MAX": 1,
    "distributed.nanny.pre-spawn-environ.MALLOC_MMAP_THRESHOLD_": 2**27,
    "distributed.nanny.pre-spawn-environ.MALLOC_TOP_PAD_": 2**24,
    "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": 2**27,
    "distributed.admin.tick.interval": "1s",
    "distributed.worker.profile.enabled": False,
}


def cpu_seconds():
    """Return the seconds of CPU of this process and of all that it has started."""
    import psutil

    own = psutil.Process()
    total = 0.0
    for process in [own, *own.children(recursive=True)]:
        times = process.cpu_times()
        total += times.user + times.system
    return total


def sweep(n_jobs):
    """Return the scores of a sweep, its seconds of CPU, and those by the clock."""
    begin = cpu_seconds(), time.perf_counter()
    curve = robustness_curve(
        MODEL,
        X,
        y,
        attack=ATTACKS["GradientInsertion"],
        budgets=[0.05, 0.1, 0.15, 0.2],
        cv=10,
        n_jobs=n_jobs,
    )
    return curve.test_scores, cpu_seconds() - begin[0], time.perf_counter() - begin[1]


def warm_up(client=None):
    """Let every worker do what the sweep does, on a few rows."""
    some = X[::8], y[::8]
    attack = ATTACKS["GradientInsertion"]
    if client is not None:
        client.run(lambda: robustness_curve(MODEL, *some, attack=attack, budgets=[1]))
    robustness_curve(MODEL, *some, attack=attack, budgets=[1, 2, 3], n_jobs=N_JOBS)


def main():
    train, _ = next(StratifiedKFold(5).split(X, y))
    print(f"{'seconds of CPU of a cell':<28}{'attack':>10}{'fit':>10}")
    for name, attack in ATTACKS.items():
        begin = time.process_time()
        rows = attack.fit_resample(X[train], y[train])
        crafted = time.process_time()
        MODEL.fit(*rows)
        fitted = time.process_time()
        print(
            f"{name:<28}{crafted - begin:>10.3f}{fitted - crafted:>10.3f}", flush=True
        )

    scores, cpu, clock = sweep(None)
    print(f"\n{'sweep':<16}{'CPU, s':>10}{'clock, s':>10}")
    print(f"{'one process':<16}{cpu:>10.1f}{clock:>10.1f}", flush=True)
    for label in ("loky", "dask", "dask, settings"):
        name, _, settings = label.partition(", ")
        with ExitStack() as stack:
            client = None
            if name == "dask":
                try:
                    import dask
                    from distributed import Client, LocalCluster
                except ImportError:
                    continue
                if settings:
                    stack.enter_context(dask.config.set(SETTINGS))
                cluster = LocalCluster(
                    n_workers=N_JOBS, threads_per_worker=1, dashboard_address=None
                )
                client = stack.enter_context(Client(stack.enter_context(cluster)))
            stack.enter_context(parallel_config(name))
            warm_up(client)
            found, all_cpu, its_clock = sweep(N_JOBS)
        print(
            f"{label:<16}{all_cpu:>10.1f}{its_clock:>10.1f}  efficiency by CPU "
            f"{cpu / all_cpu:.2f}, by the clock {clock / its_clock / N_JOBS:.2f}, "
            f"same scores: {np.array_equal(scores, found)}",
            flush=True,
        )


if __name__ == "__main__":
    main()
