"""Which label may the attacker give to which row?"""

import numpy as np


def wanted_codes(class_map, classes, name="class_map"):
    """Translate a map of classes into the code wanted for each class.

    Parameters
    ----------
    class_map : dict
        The label wanted for each class among its keys.
    classes : ndarray of shape (n_classes,)
        The classes.
    name : str, default="class_map"
        The parameter in whose name an error speaks.

    Returns
    -------
    wanted : ndarray of shape (n_classes,) of int
        Positions among the classes; -1 where no other label is wanted.

    Raises
    ------
    ValueError
        If it names a class that there is not, or gives one the label that it has.
    """
    classes = classes.tolist()
    wanted = np.full(len(classes), -1)
    for source, target in class_map.items():
        for label in (source, target):
            if label not in classes:
                raise ValueError(
                    f"{name}={class_map!r} names the class {label!r}, "
                    f"which is not among those of y: {classes}."
                )
        if source == target:
            raise ValueError(
                f"{name}={class_map!r} wants rows of the class {source!r} to bear "
                "the label that they have; name another one or leave it out."
            )
        wanted[classes.index(source)] = classes.index(target)
    return wanted


def allowed_flips(class_map, classes, codes, free):
    """Say which label each row may get.

    Parameters
    ----------
    class_map : dict or None
        The label wanted for each class among its keys; None for any other label.
    classes : ndarray of shape (n_classes,)
        The classes.
    codes : ndarray of shape (n_samples,) of int
        The labels of the rows, as positions among the classes.
    free : ndarray of shape (n_samples,) of bool
        Which rows may be flipped at all.

    Returns
    -------
    allowed : ndarray of shape (n_samples, n_classes) of bool
    """
    others = np.arange(classes.shape[0])
    if class_map is None:
        allowed = codes[:, np.newaxis] != others
    else:
        allowed = wanted_codes(class_map, classes)[codes][:, np.newaxis] == others
    return allowed & free[:, np.newaxis]


def too_many(budget, n_poison, n_rows):
    """Make the error of a budget that asks for more rows than there are.

    Parameters
    ----------
    budget : float or int
        The budget.
    n_poison : int
        The number of rows that it asks for.
    n_rows : int
        The number of rows that there are.

    Returns
    -------
    error : ValueError
    """
    return ValueError(
        f"budget={budget!r} asks for {n_poison} poisoned rows, but there are only "
        f"{n_rows} rows to take: of a class named in class_map, where one is given, "
        "and not trusted. Lower the budget."
    )
