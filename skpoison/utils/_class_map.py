"""Validation of class maps: the label wanted for each class."""

import numpy as np

from skpoison.utils._texts import listed, shown


def wanted_codes(class_map, classes, name="class_map"):
    """Return the code of the label that each class may be given.

    Parameters
    ----------
    class_map : dict
        The new label of each class among its keys.
    classes : ndarray of shape (n_classes,)
        The classes.
    name : str, default="class_map"
        The parameter that error messages name.

    Returns
    -------
    wanted : ndarray of shape (n_classes,) of int
        Positions among the classes; -1 for classes that are not among the keys.

    Raises
    ------
    ValueError
        If the map is empty, names an unknown class, or maps a class to itself.
    """
    if not class_map:
        raise ValueError(
            f"`{name}` must name at least one class, such as {{8: 3}}; got {{}}."
        )
    classes = classes.tolist()
    wanted = np.full(len(classes), -1)
    for source, target in class_map.items():
        for label in (source, target):
            if label not in classes:
                raise ValueError(
                    f"`{name}` must map classes of y, which are {listed(classes)}; got "
                    f"{shown(class_map)}, which names the class {label!r}."
                    + _hint(label, classes)
                )
        if source == target:
            raise ValueError(
                f"`{name}` must map each class to a different one; got "
                f"{shown(class_map)}, which maps the class {source!r} to itself. "
                "Leave it out to keep its labels."
            )
        wanted[classes.index(source)] = classes.index(target)
    return wanted


def _hint(label, classes):
    """Return what may be wrong with the name of a class."""
    if isinstance(label, list | tuple | set):
        return " Map each class to a single one."
    alike = [known for known in classes if str(known) == str(label)]
    if not alike:
        return ""
    return f" Write {alike[0]!r}: labels are {type(alike[0]).__name__} here."
