"""Choice of the candidate of a search whose worst case over attacks is best."""

from functools import partial

import numpy as np

from skpoison.model_selection._fingerprint import fingerprint

# What stands for no attack in the place of one.
NO_ATTACK = "passthrough", None


def worst_case_refit(attack="attack", *, metric="score"):
    """Make a `refit` that chooses the candidate that is best in its worst case.

    A search over a Pipeline that begins with an attack tries each defence under each
    attack in its grid. Candidates that differ by nothing but the attack are one
    defence; its worst case is the lowest of their mean test scores. The defence with
    the best worst case is chosen; of several, the one with the best mean.

    Parameters
    ----------
    attack : str, default="attack"
        The name of the parameter that holds the attack. Its own parameters, such as
        ``attack__budget``, belong to it.
    metric : str, default="score"
        The name of the metric, if the search has several.

    Returns
    -------
    refit : callable
        For the parameter `refit` of :class:`~sklearn.model_selection.GridSearchCV` and
        its relatives. It returns the index of the candidate without attack, if there is
        one in the grid (``"passthrough"``, or an attack with budget 0), so that the
        defence is refitted on the data as they are; otherwise that of the worst case.

    See Also
    --------
    robustness_score : One number for a model.

    Notes
    -----
    Let the attacks of the grid vary, not their budgets alone: a search that maximises
    the score over ``attack__budget`` picks 0. With the `memory` of the Pipeline each
    attack is computed once a fold, however many defences there are.

    Examples
    --------
    >>> from imblearn.pipeline import Pipeline
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from skpoison.attacks import RandomInsertion, RandomLabelFlip
    >>> from skpoison.defences import KNNSanitizedClassifier
    >>> from skpoison.model_selection import worst_case_refit
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> tree = DecisionTreeClassifier(random_state=0)
    >>> flips = RandomLabelFlip(0.2, random_state=0)
    >>> pipeline = Pipeline([("attack", flips), ("model", tree)])
    >>> grid = {
    ...     "attack": ["passthrough", flips, RandomInsertion(0.2, random_state=0)],
    ...     "model": [tree, KNNSanitizedClassifier(tree)],
    ... }
    >>> search = GridSearchCV(pipeline, grid, refit=worst_case_refit()).fit(X, y)
    >>> search.best_params_["attack"], type(search.best_params_["model"]).__name__
    ('passthrough', 'KNNSanitizedClassifier')
    """
    return partial(_choose, attack=attack, metric=metric)


def _choose(results, *, attack, metric):
    """Return the index of the candidate to refit, given `cv_results_`."""
    candidates, key = results["params"], f"mean_test_{metric}"
    if key not in results:
        raise ValueError(
            "metric must be the name of a score of the search: one of "
            f"{[each[10:] for each in results if each.startswith('mean_test_')]}; got "
            f"{metric!r}."
        )
    if not any(_is_of(attack, name) for each in candidates for name in each):
        raise ValueError(
            f"attack must be the name of a parameter in the grid; got {attack!r}, and "
            f"the grid has {sorted({name for each in candidates for name in each})}."
        )
    # A failed fit is the worst that can happen.
    scores = np.nan_to_num(np.asarray(results[key], dtype=float), nan=-np.inf)
    by_defence = {}
    for i, params in enumerate(candidates):
        names = sorted(name for name in params if not _is_of(attack, name))
        defence = tuple((name, _identity(params[name])) for name in names)
        by_defence.setdefault(defence, []).append(i)
    # Of equal ones the first.
    chosen = max(
        by_defence.values(), key=lambda rows: (scores[rows].min(), scores[rows].mean())
    )
    for i in chosen:
        if _is_no_attack(candidates[i], attack):
            return i
    return chosen[int(np.argmin(scores[chosen]))]


def _identity(value):
    """Return what parameters have in common if they are the same."""
    try:
        return fingerprint(value)
    except ValueError:  # The candidates of a grid share its objects.
        return id(value)


def _is_of(attack, name):
    return name == attack or name.startswith(f"{attack}__")


def _is_no_attack(params, attack):
    given = params.get(attack, ...)
    budget = params.get(f"{attack}__budget", getattr(given, "budget", None))
    return given in NO_ATTACK or (budget is not None and budget == 0)
