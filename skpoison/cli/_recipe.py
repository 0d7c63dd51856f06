"""How a report can be made again: the command, the data and the versions."""

import hashlib
import shlex
from pathlib import Path

from skpoison.cli._data import LOADERS
from skpoison.utils._show_versions import describe_versions

# Options that choose what is measured. The others change how fast, and where to.
OPTIONS = (
    *("data", "target", "trusted", "drop", "sep"),
    *("estimator", "surrogate", "attack", "defence", "transfer", "adaptive"),
    *("budgets", "cv"),
    *("scoring", "seed"),
)


def describe_recipe(options, named_report):
    """Return what another person needs to make the report again.

    Parameters
    ----------
    options : argparse.Namespace
        The options given.
    named_report : NamedReport
        The report.

    Returns
    -------
    lines : list of str
        The command with what was chosen for the user, the checksum of the file, and
        the versions.
    """
    report = named_report.report
    _, *defences = report.estimators
    chosen = {
        "estimator": named_report.estimator,
        "attack": list(report.attacks),
        "defence": defences,
        "transfer": list(report.learners),
        "adaptive": list(report.adaptive),
        "scoring": report.score_name_,
    }
    words = ["python", "-m", "skpoison"]
    for name in OPTIONS:
        value = chosen.get(name, getattr(options, name))
        if value is None or (name == "drop" and not value):
            continue
        words.append(f"--{name}")
        values = value if isinstance(value, list | tuple) else [value]
        words += ["tab" if each == "\t" else str(each) for each in values]
    lines = [f"to make it again: {shlex.join(words)}"]
    if options.data not in LOADERS:
        digest = hashlib.sha256(Path(options.data).read_bytes()).hexdigest()
        lines.append(f"SHA-256 of {Path(options.data).name}: {digest}")
    return [*lines, f"with {describe_versions()}"]
