"""The command: its options, what it prints and what it writes."""

import argparse
import os
import sys
from pathlib import Path

import numpy as np

from skpoison import __version__
from skpoison.cli._data import FETCHED, LOADERS, load_data
from skpoison.cli._defaults import CHEAP, CHEAP_ADAPTIVE, MANY_FOR_OTHERS, STRONG
from skpoison.cli._errors import CommandError, reason
from skpoison.cli._learners import RETUNED
from skpoison.cli._listing import format_list
from skpoison.cli._names import find_estimator
from skpoison.cli._output import format_report, to_csv, to_page, to_png
from skpoison.cli._recipe import describe_recipe
from skpoison.cli._report import make_report
from skpoison.cli._tasks import (
    ATTACKS,
    CLASSIFICATION,
    DEFENCES,
    ESTIMATORS,
    REGRESSION,
    task_of,
)
from skpoison.cli._terminal import capture_warnings, print_error
from skpoison.model_selection._arguments import DEFAULT_BUDGETS
from skpoison.model_selection._report_columns import with_adaptive
from skpoison.model_selection._summary import worst_cases

TABLE, PICTURE, PAGE = "robustness.csv", "robustness.png", "robustness.html"


def main(arguments=None):
    """Make the report.

    Parameters
    ----------
    arguments : list of str, default=None
        The command line; None takes that of the process.

    Returns
    -------
    code : int
        Exit code: 0; 1 if the scores are below what `--fail-below` demands; 2 if the
        report cannot be made as asked; 130 if interrupted.
    """
    try:
        return _run(_parser().parse_args(arguments))
    except CommandError as error:
        print_error(error)
        return 2
    except KeyboardInterrupt:
        print_error("interrupted")
        return 130
    except BrokenPipeError:
        # The reader of the pipe has gone, as `head` does. What is left in the buffer
        # goes to the null device; otherwise Python complains when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _run(options):
    out = Path(options.out)
    _check_writable(out)
    for name in (TABLE, PICTURE, *([PAGE] if options.html else [])):
        _check_output(out, name, options.data, overwrite=options.overwrite)
    budgets = _budgets(options.budgets)
    task = None
    if options.estimator is not None:
        task = task_of(find_estimator(options.estimator))
    data, data_warnings = capture_warnings(
        load_data,
        options.data,
        options.target,
        trusted=options.trusted,
        drop=options.drop,
        sep=options.sep,
        data_home=options.data_home,
        task=task,
    )
    report = make_report(
        data,
        name=Path(options.data).name,
        estimator=options.estimator,
        surrogate=options.surrogate,
        attacks=options.attack,
        defences=options.defence,
        learners=options.transfer,
        adaptive=options.adaptive,
        budgets=budgets,
        cv=options.cv,
        scoring=options.scoring,
        n_jobs=options.n_jobs,
        seed=options.seed,
        folder=options.resume,
    )
    recipe = describe_recipe(options, report)
    files, warnings_seen = {TABLE: to_csv(report)}, []
    if options.html:
        files[PAGE] = to_page(report, recipe)
    picture = ""
    try:
        files[PICTURE], warnings_seen = capture_warnings(to_png, report)
    except ImportError as error:
        picture = f", but no picture: {error}"
    try:
        _write(files, out)
    finally:  # The work is done: print it, even if the files cannot be written.
        _print("\n".join([format_report(report), *recipe]))
    _print(f"Wrote {' and '.join(str(out / name) for name in files)}{picture}")
    # Matplotlib warns of every character that it cannot draw: the first is enough.
    for warning in [*data_warnings, *report.warnings_seen, *warnings_seen[:1]]:
        print_error(warning)
    return _verdict(report.report, options.fail_below)


def _verdict(report, least):
    """Return the exit code: 1 if every estimator falls below a score that is asked."""
    if least is None:
        return 0
    worst = worst_cases(with_adaptive(report))
    best, (score, case) = max(worst.items(), key=lambda each: each[1][0])
    if score >= least:
        return 0
    which = f"with {best}" if len(worst) == 1 else f"even with {best}"
    print_error(
        f"--fail-below {least:g}: the worst {report.score_name_} {which} is "
        f"{score:.3f} ({case})"
    )
    return 1


def _write(files, out):
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (out / name).write_bytes(content)
    except OSError as error:
        raise CommandError(
            f"--out {out} cannot be written to: {reason(error)}."
        ) from error


def _print(text):
    """Print text, with question marks for characters that the terminal lacks."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    print(text.encode(encoding, "replace").decode(encoding), flush=True)


def _check_writable(out):
    """Check before the work that its result can be written, as far as one can see.

    No folder is made yet: a command that fails leaves nothing behind.
    """
    existing = next(
        folder for folder in (out, *out.absolute().parents) if os.path.lexists(folder)
    )
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise CommandError(
            f"--out {out} cannot be written to: {existing} is not a folder, or is "
            "write-protected. Name another one."
        )


def _check_output(out, name, data, *, overwrite):
    """Check before the work that a file can be written, and that nothing is lost."""
    file = out / name
    if not os.path.lexists(file):
        return
    both_exist = data not in LOADERS and file.exists() and Path(data).exists()
    if both_exist and file.samefile(data):
        raise CommandError(
            f"--out {out} would overwrite {name}, which is --data itself. Name "
            "another folder."
        )
    if not overwrite:
        raise CommandError(
            f"--out {out} has a {name} already. Name another folder, or add "
            "--overwrite."
        )
    if file.exists() and not (file.is_file() and os.access(file, os.W_OK)):
        raise CommandError(
            f"--out {out} cannot be written to: {name} is a folder, or is "
            "write-protected. Name another one."
        )


def _budgets(words):
    """Return budgets: floats are shares, and ints, words without a point, rows."""
    try:
        numbers = [int(word) if word.isdecimal() else float(word) for word in words]
    except ValueError:
        numbers = []
    shares = [number for number in numbers if isinstance(number, float) and number]
    rows = [number for number in numbers if isinstance(number, int) and number]
    if not shares + rows or not all(0 <= share <= 1 for share in shares):
        raise CommandError(
            f"--budgets {' '.join(words)}: give shares of the training rows between 0 "
            "and 1, such as 0.05 0.1, or whole numbers of rows, such as 5 10; at least "
            "one above 0."
        )
    if shares and rows:
        raise CommandError(
            f"--budgets {' '.join(words)}: {shares[0]:g} is a share of the training "
            f"rows, {rows[0]} is a number of rows. Give only shares (100% is 1.0), or "
            "only numbers."
        )
    kind = float if shares else int
    return np.unique([kind(number) for number in [0, *numbers]])


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise CommandError(f"{message}. See python -m skpoison --help.")


def _parser():
    parser = _Parser(
        prog="python -m skpoison",
        description="Cross-validate an estimator under poisoning attacks, without and "
        f"with defences. Prints a table, and writes {TABLE} and {PICTURE}.",
        formatter_class=_Formatter,
    )
    add = parser.add_argument
    add(
        "--list",
        action=_List,
        nargs=0,
        help="list attacks, defences, estimators and data sets, with a line on each",
    )
    add("--version", action="version", version=f"skpoison {__version__}")
    add(
        "--data",
        default="breast_cancer",
        metavar="FILE|NAME",
        help="a table with a header: .csv, .tsv, either of them with .gz behind it, or "
        f".parquet; or one of {', '.join(LOADERS)}. Words become categories or text, "
        "missing numbers the median",
    )
    add(
        "--target",
        metavar="COLUMN",
        help="column of the file that holds the labels, or the quantities of a "
        "regression: fractions, or numbers nearly each of which is another one",
    )
    add(
        "--trusted",
        metavar="COLUMN",
        help="column that holds 1 for rows that an attacker cannot write to, otherwise "
        "0; defences may rely on them",
    )
    add(
        "--drop",
        nargs="+",
        default=(),
        metavar="COLUMN",
        help="columns to leave out, also as COLUMN,COLUMN; one that only numbers or "
        "names the rows is left out anyway",
    )
    add(
        "--sep",
        type=_separator,
        metavar="CHARACTER",
        help="what separates the fields of the file, such as ';' or tab; by default "
        "what gives the header the most fields",
    )
    add(
        "--data-home",
        metavar="DIR",
        help=f"folder of data sets that are downloaded: {', '.join(FETCHED)}",
    )
    add(
        "--estimator",
        metavar="NAME",
        help=f"one of {', '.join(ESTIMATORS)}, or an importable name such as "
        "sklearn.svm.NuSVC or my_module:my_model. Scaler and encoders are put before "
        "it, unless it is a Pipeline, which gets the columns by name. By default "
        f"{CLASSIFICATION.default_estimator}, or {REGRESSION.default_estimator} for "
        "quantities",
    )
    add(
        "--surrogate",
        metavar="NAME",
        help="what the attacker believes that the victim learns, named as an "
        "estimator; by default the estimator itself wherever the attack can use it",
    )
    add(
        "--attack",
        nargs="+",
        metavar="NAME",
        help=f"some of {', '.join(ATTACKS)}, or importable names; --list says what "
        f"each of them does. By default {', '.join(CHEAP)}, and {STRONG} if that "
        "does not take minutes; on quantities the last one alone, or greedy_deletion "
        "if there are texts",
    )
    add(
        "--defence",
        nargs="*",
        metavar="NAME",
        help=f"some of {', '.join(DEFENCES)}, or importable names; without any name "
        "there is only the undefended estimator. By default "
        f"{', '.join(CLASSIFICATION.best_defences)}, for quantities "
        f"{', '.join(REGRESSION.best_defences)}, and outlier_filter if there are "
        "trusted rows",
    )
    add(
        "--transfer",
        nargs="*",
        metavar="NAME",
        help="other victims of the same poison, named as an estimator, or "
        f"{RETUNED}: the estimator with a parameter tuned on the poisoned rows. They "
        f"are scored with the largest budget. By default {RETUNED}, "
        f"{', '.join(CLASSIFICATION.others)}, for quantities {RETUNED}, "
        f"{', '.join(REGRESSION.others)}; none from {MANY_FOR_OTHERS:,} rows on",
    )
    add(
        "--adaptive",
        nargs="*",
        metavar="ATTACK",
        help="attacks of the report that are also crafted by an attacker who knows the "
        f"defence, with the largest budget. By default {CHEAP_ADAPTIVE} below "
        f"{MANY_FOR_OTHERS:,} rows, if there is a defence; {STRONG} takes minutes",
    )
    add(
        "--budgets",
        nargs="+",
        default=[str(budget) for budget in DEFAULT_BUDGETS],
        metavar="BUDGET",
        help="poisoned rows as shares of the clean training rows (n_p / n), such as "
        "0.05 or 1.0, or as whole numbers of rows, such as 5 or 1; 0 is always among "
        "them",
    )
    add("--cv", type=_whole(2), default=5, metavar="K", help="number of folds")
    add(
        "--scoring",
        metavar="NAME",
        help="name of a scorer; by default "
        f"{CLASSIFICATION.scoring}, or {REGRESSION.scoring} for quantities",
    )
    add(
        "--fail-below",
        type=_score,
        metavar="SCORE",
        help="exit code 1 if each estimator of the table, defended or not, has a mean "
        "score below this one at some attack and budget; --defence without a name "
        "judges the estimator alone",
    )
    add(
        "--n-jobs",
        type=_whole(1, also=-1),
        default=-1,
        metavar="N",
        help="jobs; -1: one for each processor",
    )
    add(
        "--html",
        action="store_true",
        help=f"also write {PAGE}, a page that holds everything it needs",
    )
    add(
        "--resume",
        metavar="DIR",
        help="keep poison and scores in that folder as they come; the same command "
        "takes up from there if it was interrupted",
    )
    add("--out", default=".", metavar="DIR", help="folder of what is written")
    add(
        "--overwrite",
        action="store_true",
        help="replace the report that the folder holds; never the file of --data",
    )
    add(
        "--seed",
        type=_whole(0, 2**32 - 1),
        default=0,
        metavar="N",
        help="seed of everything random",
    )
    return parser


class _Formatter(argparse.ArgumentDefaultsHelpFormatter):
    def _get_help_string(self, action):
        # The help itself says what is done if nothing is given.
        if action.default in (None, ()):
            return action.help
        return super()._get_help_string(action)


class _List(argparse.Action):
    def __call__(self, parser, namespace, values, option_string=None):
        _print(format_list())
        parser.exit()


def _separator(word):
    named = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";"}
    separator = named.get(word, word)
    if len(separator) != 1 or separator in '"\r\n':
        raise argparse.ArgumentTypeError(
            f"needs a single character, such as ';', or the word tab; got {word!r}"
        )
    return separator


def _score(word):
    try:
        number = float(word)
    except ValueError:
        number = np.nan
    # No score is below a NaN: the command would pass whatever the scores are.
    if np.isnan(number):
        raise argparse.ArgumentTypeError(f"needs a number; got {word!r}")
    return number


def _whole(least, most=np.inf, *, also=None):
    def whole(word):
        try:
            number = int(word)
        except ValueError:
            number = None
        if number is None or not (least <= number <= most or number == also):
            wanted = f"at least {least}" if most == np.inf else f"{least} to {most}"
            other = "" if also is None else f", or {also}"
            raise argparse.ArgumentTypeError(
                f"needs a whole number, {wanted}{other}; got {word!r}"
            )
        return number

    return whole
