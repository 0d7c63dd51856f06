"""Attacks and defences of a report for which none are named.

The attacks are the strongest that fit its time.

The choice depends on the data and the number of fits alone, not on how fast the machine
is: the same command gives the same report everywhere.
"""

from sklearn.pipeline import Pipeline

from skpoison.cli._errors import listed
from skpoison.cli._learners import RETUNED
from skpoison.cli._tasks import REGRESSION
from skpoison.model_selection._surrogates import is_differentiable

# They take about as long as the fits of the estimator itself.
CHEAP = ["random_insertion", "random_label_flip", "margin_label_flip"]
# The one that knows a defence for a few fits more.
CHEAP_ADAPTIVE = "margin_label_flip"
# Far stronger than the first two; an optimisation for each budget and fold.
STRONG = "gradient_insertion"
# For quantities beside words, if responses cannot be chosen by gradients.
WITHOUT_WRITING = "greedy_deletion"
# From that many rows on, other victims are scored only if they are named: they cost
# more than all that is asked for.
MANY_FOR_OTHERS = 5_000
# What one such optimisation takes on one processor: seconds, and seconds more for each
# number in the training rows and each class (of two, one is enough).
SECONDS, SECONDS_OF_A_NUMBER = 2.0, 5e-5
# It is left out if all of them would take longer than that.
MOST_SECONDS = 120
# Of quantities, by attack: seconds for each number in the encoded training rows, and
# the least (Ridge). There is no cheaper attack on them that could do instead.
SECONDS_OF_QUANTITIES = {STRONG: (0.5, 6e-6), WITHOUT_WRITING: (0.5, 3e-5)}
# From that many rows on, one defence by neighbours is enough.
MANY_ROWS = 20_000


def choose_attacks(X, *, task, n_classes, n_crafts, words=(), has_responses=False):
    """Return the attacks of a report, and a line on why others are left out.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        The rows.
    task : Task
        Classification or regression.
    n_classes : int
        Number of classes; 1 for regression.
    n_crafts : int
        How often each attack runs: budgets above 0 times folds.
    words : sequence of str, default=()
        The columns of words, which the strong one cannot write.
    has_responses : bool, default=False
        Whether it can choose responses all the same.

    Returns
    -------
    attacks : list of str
    notes : list of str
    """
    if words and has_responses:
        return [STRONG], []
    if words:
        left = [WITHOUT_WRITING] if task is REGRESSION else [*CHEAP]
        return left, [describe_left_out([STRONG], words)]
    if task is REGRESSION:
        return [STRONG], []
    n_numbers = X.shape[0] * X.shape[1] * max(1, n_classes - 1)
    seconds = n_crafts * (SECONDS + SECONDS_OF_A_NUMBER * n_numbers)
    if seconds <= MOST_SECONDS:
        return [*CHEAP, STRONG], []
    return [*CHEAP], [
        f"{STRONG}, a stronger attack, takes about {max(2, round(seconds / 60))} "
        f"minutes of computation here, and is left out; --attack {STRONG} includes it"
    ]


def describe_time(attacks, n_numbers, n_crafts):
    """Return a line on each attack on quantities that takes long.

    Parameters
    ----------
    attacks : list of str
        The attacks that are chosen.
    n_numbers : int
        How many numbers the encoded rows hold.
    n_crafts : int
        How often each attack runs.

    Returns
    -------
    lines : list of str
    """
    lines = []
    for name in attacks:
        least, each = SECONDS_OF_QUANTITIES[name]
        seconds = n_crafts * (least + each * n_numbers)
        if seconds > MOST_SECONDS:
            lines.append(
                f"{name} takes about {round(seconds / 60)} minutes of computation "
                "here at least; no attack on quantities takes less. Fewer --budgets, "
                "a lower --cv or more --n-jobs shorten it."
            )
    return lines


def describe_responses(attacks, words):
    """Return a line on attacks that choose responses beside columns of words.

    Parameters
    ----------
    attacks : list of str
        The attacks.
    words : sequence of str
        The columns.

    Returns
    -------
    line : str
    """
    return (
        f"{listed(attacks)} clones rows and chooses their target alone: "
        f"{cannot_write(words)}"
    )


def choose_learners(task, estimator, n_samples):
    """Return the other victims of a report for which none are named.

    Parameters
    ----------
    task : Task
        Classification or regression.
    estimator : str
        The name of the estimator that is attacked.
    n_samples : int
        Number of rows.

    Returns
    -------
    learners : list of str
    """
    if n_samples >= MANY_FOR_OTHERS:
        return []
    return [RETUNED, *(name for name in task.others if name != estimator)]


def choose_adaptive(task, attacks, defences, n_samples):
    """Return the attacks that are also crafted by attackers who know the defence.

    Parameters
    ----------
    task : Task
        Classification or regression.
    attacks : iterable of str
        The attacks of the report.
    defences : list of str
        The defences that they may know.
    n_samples : int
        Number of rows.

    Returns
    -------
    adaptive : list of str
        Those that know the defence at the price of some fits.
    """
    if not defences or n_samples >= MANY_FOR_OTHERS or task is REGRESSION:
        return []
    return [name for name in attacks if name == CHEAP_ADAPTIVE]


def describe_left_out(attacks, words):
    """Return a line on attacks that cannot write into columns of words.

    Parameters
    ----------
    attacks : list of str
        The attacks.
    words : sequence of str
        The columns.

    Returns
    -------
    line : str
    """
    it = "it" if len(attacks) == 1 else "them"
    # They are among the strongest: who reads the scores must not take them for all.
    return (
        f"left out {listed(attacks)}: {cannot_write(words)}. To include {it}, which "
        "may do far more harm than what is below, write categories as columns of 0 and "
        "1, or leave those columns out by --drop"
    )


def cannot_write(words):
    """Return why attacks that write numbers cannot be used, in words."""
    return f"numbers cannot be written into columns of words ({listed(words)})"


def choose_defences(task, victim, trusted, n_samples):
    """Return the defences of a report: those that withstand most, in its time.

    Parameters
    ----------
    task : Task
        Classification or regression.
    victim : estimator
        The undefended estimator.
    trusted : ndarray of shape (n_samples,) of bool, or None
        The rows that can be trusted.
    n_samples : int
        Number of rows.

    Returns
    -------
    defences : list of str
    """
    last = victim.steps[-1][1] if isinstance(victim, Pipeline) else victim
    if task is REGRESSION and not is_differentiable(last, None):
        # The best of all fit the estimator hundreds of times, or read its gradients.
        return task.best_if_trusted
    best = list(task.best_defences)
    if n_samples > MANY_ROWS:
        # It asks the same neighbours as knn_drop, which take nearly all of the time.
        best = [name for name in best if name != "knn_relabel"]
    return best + ([] if trusted is None else task.best_if_trusted)
