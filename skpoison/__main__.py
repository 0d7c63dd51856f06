"""python -m skpoison: the robustness report of a data set, in one command."""

import argparse
import sys
from pathlib import Path

import numpy as np

from skpoison import __version__
from skpoison.model_selection._curve import DEFAULT_BUDGETS
from skpoison.report._choices import ATTACKS, DEFENCES, ESTIMATORS
from skpoison.report._data import LOADERS, load_data
from skpoison.report._errors import ReportError
from skpoison.report._report import draw, format_report, make_report, write_csv


def main(arguments=None):
    """Make the report.

    Parameters
    ----------
    arguments : list of str, default=None
        The command line; None takes that of the process.

    Returns
    -------
    code : int
        0, or 2 where what was asked for cannot be done.
    """
    options = _parser().parse_args(arguments)
    try:
        _run(options)
    except ReportError as error:
        print(f"skpoison: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("skpoison: interrupted", file=sys.stderr)
        return 130
    return 0


def _run(options):
    X, y = load_data(options.data, options.target)
    out = Path(options.out)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ReportError(f"--out {out} cannot be written to: {error}") from error
    try:
        report = make_report(
            X,
            y,
            data=Path(options.data).name,
            estimator=options.estimator,
            attacks=options.attack,
            defences=options.defence,
            budgets=_budgets(options.budgets),
            cv=options.cv,
            scoring=options.scoring,
            n_jobs=options.n_jobs,
            seed=options.seed,
        )
    except (ValueError, TypeError) as error:
        # What the estimators themselves have to say of bad parameters or data.
        raise ReportError(" ".join(str(error).split())) from error
    print(format_report(report))
    write_csv(report, out / "robustness.csv")
    written = f"Wrote {out / 'robustness.csv'}"
    try:
        draw(report, out / "robustness.png")
        written += f" and {out / 'robustness.png'}"
    except ImportError as error:
        written += f", but no picture: {error}"
    print(written)


def _budgets(words):
    """Turn words into shares, or into numbers of rows where all are whole."""
    try:
        budgets = np.array(
            [int(word) if word.isdigit() else float(word) for word in words]
        )
    except ValueError as error:
        raise ReportError(f"--budgets takes numbers: {error}.") from error
    if (budgets < 0).any() or (budgets.dtype.kind == "f" and (budgets > 1).any()):
        raise ReportError(
            f"--budgets {' '.join(words)}: give shares between 0 and 1, or whole "
            "numbers of rows."
        )
    return np.unique(np.append(budgets, budgets.dtype.type(0)))


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m skpoison",
        description="What happens to a model if somebody writes to its training set, "
        "and what helps? Cross-validated scores under poisoning attacks, of an "
        "estimator plain and defended: a table, robustness.csv and robustness.png.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--version", action="version", version=f"skpoison {__version__}")
    add(
        "--data",
        default="breast_cancer",
        metavar="FILE|NAME",
        help=f"a .csv or .parquet file of numbers and a target, or one of "
        f"{', '.join(LOADERS)}",
    )
    add("--target", metavar="COLUMN", help="column of the file that holds the labels")
    add(
        "--estimator",
        default="logistic",
        metavar="NAME",
        help=f"one of {', '.join(ESTIMATORS)}, or an importable name such as "
        "sklearn.svm.NuSVC; a scaler is put before it, unless it is a Pipeline",
    )
    add(
        "--attack",
        nargs="+",
        default=list(ATTACKS),
        metavar="NAME",
        help=f"some of {', '.join(ATTACKS)}, or importable names",
    )
    add(
        "--defence",
        nargs="*",
        default=list(DEFENCES),
        metavar="NAME",
        help=f"some of {', '.join(DEFENCES)}, or importable names; none: undefended",
    )
    add(
        "--budgets",
        nargs="+",
        default=[str(budget) for budget in DEFAULT_BUDGETS],
        metavar="BUDGET",
        help="poisoned rows as shares of the clean training rows (n_p / n), or whole "
        "numbers of rows; 0 is always among them",
    )
    add("--cv", type=_folds, default=5, metavar="K", help="number of folds")
    add("--scoring", default="accuracy", metavar="NAME", help="name of a scorer")
    add("--n-jobs", type=int, default=1, metavar="N", help="jobs; -1: every processor")
    add("--out", default=".", metavar="DIR", help="folder of what is written")
    add("--seed", type=int, default=0, metavar="N", help="seed of everything random")
    return parser


def _folds(word):
    folds = int(word)
    if folds < 2:
        raise argparse.ArgumentTypeError(f"needs at least 2 folds, got {folds}")
    return folds


if __name__ == "__main__":
    sys.exit(main())
