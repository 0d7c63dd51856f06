"""Victims that no attack is aimed at: other learners, and the estimator re-tuned."""

import numpy as np
from sklearn.model_selection import GridSearchCV

from skpoison.cli._errors import CommandError
from skpoison.cli._names import assemble, find_estimator

RETUNED = "re-tuned"
# What is tuned of an estimator, by the name of its class.
GRIDS = {
    "LogisticRegression": {"C": np.logspace(-3, 2, 6)},
    "LinearSVC": {"C": np.logspace(-3, 2, 6)},
    "SVC": {"C": np.logspace(-1, 3, 5)},
    "DecisionTreeClassifier": {"max_depth": [1, 2, 4, 8, None]},
    "RandomForestClassifier": {"min_samples_leaf": [1, 3, 10]},
    "HistGradientBoostingClassifier": {"learning_rate": [0.01, 0.03, 0.1]},
    "KNeighborsClassifier": {"n_neighbors": [1, 5, 15, 45]},
    "Ridge": {"alpha": np.logspace(-2, 4, 7)},
    "Lasso": {"alpha": np.logspace(-4, 1, 6)},
    "SVR": {"C": np.logspace(-1, 3, 5)},
    "DecisionTreeRegressor": {"max_depth": [1, 2, 4, 8, None]},
    "RandomForestRegressor": {"min_samples_leaf": [1, 3, 10]},
    "HistGradientBoostingRegressor": {"learning_rate": [0.01, 0.03, 0.1]},
    "KNeighborsRegressor": {"n_neighbors": [1, 5, 15, 45]},
}
N_FOLDS = 3


def make_learners(names, victim, *, task, scoring, is_asked, n_rows, **settings):
    """Return the other victims of a report by name.

    Parameters
    ----------
    names : list of str
        Names of estimators; "re-tuned" is the victim that tunes a parameter on the
        poisoned rows.
    victim : Pipeline
        The undefended estimator.
    task : Task
        Classification or regression.
    scoring : str
        The score by which it tunes.
    is_asked : bool
        Whether the user has named them.
    n_rows : int
        How many rows they have to learn from, at least.
    **settings : dict
        How estimators are made, as :func:`assemble` takes it.

    Returns
    -------
    learners : dict of str to estimator

    Raises
    ------
    CommandError
        If a name is unknown, or if nothing is known to be tuned of the estimator.
    """
    learners = {}
    for name in names:
        if name != RETUNED:
            found = find_estimator(name, "transfer", tasks=[task])
            learners[name] = assemble(found, **settings)
            continue
        step, last = victim.steps[-1]
        grid = GRIDS.get(type(last).__name__)
        if grid is not None:
            grid = {
                f"{step}__{key}": _possible(key, values, n_rows)
                for key, values in grid.items()
            }
            learners[name] = GridSearchCV(victim, grid, cv=N_FOLDS, scoring=scoring)
        elif is_asked:
            raise CommandError(
                f"--transfer {RETUNED} is for estimators of which is known what to "
                f"tune, and {type(last).__name__} is none of them: {', '.join(GRIDS)}. "
                "Name a search as --transfer my_module:my_search."
            )
    return learners


def _possible(key, values, n_rows):
    """Return the values that can be tried on the rows: as many neighbours at most."""
    if key != "n_neighbors":
        return values
    n_fit = n_rows - -(-n_rows // N_FOLDS)
    return [each for each in values if each <= max(1, n_fit)]
