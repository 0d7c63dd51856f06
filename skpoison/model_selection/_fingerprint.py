"""Checksums of objects by what they are, so that different ones are not taken as equal.

Every object has a digest of its kind and of its parts, each with its length before it;
parts that are objects stand there by their own digests. So no two sequences of parts
run together to the same bytes, and no object is printed.
"""

import dis
import hashlib
import sys
import types
from pathlib import Path

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator

from skpoison.utils._texts import shown

PLAIN = (bool, int, float, complex, type(None), type(...), type(NotImplemented))


def fingerprint(value):
    """Return a checksum of data, functions and other objects.

    Estimators count by their parameters, as they are cloned; those that a function, an
    object or :class:`~sklearn.frozen.FrozenEstimator` holds count with what they have
    learnt. Functions count by their code and by what they use. Attributes of classes
    that are not functions do not count.

    Parameters
    ----------
    value : object
        An array, sparse matrix, dataframe or series; an estimator; a function or
        another object that can be copied; or a list or dict of such.

    Returns
    -------
    digest : str
        SHA-256 in hexadecimal digits.

    Raises
    ------
    ValueError
        If it is, or holds, something that does not show what it consists of, such as an
        open file.
    """
    try:
        return _Fingerprint().of(value, cloned=True).hex()
    except RecursionError:
        raise ValueError(f"{shown(value)} is nested too deeply") from None


def _join(kind, *parts):
    digest = hashlib.sha256()
    for part in (kind.encode(), *parts):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()


def _text(text):
    return text.encode("utf-8", "surrogatepass")


class _Fingerprint:
    """Digests of objects, each computed once."""

    def __init__(self):
        # The objects are kept beside their digests: a place in memory is used again.
        self.known, self.path = {}, []

    def of(self, value, *, cloned=False):
        """Return a digest; `cloned` says that estimators are unfitted before use."""
        kind = type(value)
        if kind in PLAIN:
            return _join(kind.__name__, _text(repr(value)))
        if kind is str:
            return _join("str", _text(value))
        if kind in (bytes, bytearray):
            return _join(kind.__name__, value)
        key = id(value), cloned
        if key in self.known:
            return self.known[key][1]
        if key in self.path:
            up = len(self.path) - self.path.index(key)
            return _join("cycle", str(up).encode())
        self.path.append(key)
        digest = self._compound(value, cloned)
        self.path.pop()
        self.known[key] = value, digest
        return digest

    def all(self, kind, *values):
        """Return the digest of a sequence of objects."""
        return _join(kind, *map(self.of, values))

    def _compound(self, value, cloned):
        kind = type(value)
        if kind in (list, tuple):
            return _join(kind.__name__, *(self.of(v, cloned=cloned) for v in value))
        if kind is dict:
            # Dicts in the parameters of estimators are copied, not cloned.
            cloned &= len(self.path) == 1
            values = (self.of(each, cloned=cloned) for each in value.values())
            return _join("dict", *map(self.of, value), *values)
        if kind in (set, frozenset):
            return _join(kind.__name__, *sorted(map(self.of, value)))
        if isinstance(value, type):
            return self._class(value)
        if isinstance(value, types.ModuleType):
            return _join("module", _text(value.__name__))
        if isinstance(value, types.FunctionType):
            return self._function(value)
        if isinstance(value, types.MethodType):
            return self.all("method", value.__func__, value.__self__)
        if isinstance(value, types.CodeType):
            return self._code(value)
        if isinstance(value, property | staticmethod | classmethod):
            functions = ("fget", "fset", "fdel", "__func__")
            return self.all(
                kind.__name__, *(getattr(value, f, None) for f in functions)
            )
        if sparse.issparse(value):
            csr = value.tocsr()
            return self.all(
                "sparse", kind, csr.shape, csr.data, csr.indices, csr.indptr
            )
        if hasattr(value, "columns") and hasattr(value, "__array__"):
            return self._frame(value)
        if isinstance(value, np.ma.MaskedArray):
            return self.all("masked", value.data, np.ma.getmaskarray(value))
        if isinstance(value, np.ndarray | np.generic):
            return self._array(value)
        if hasattr(value, "__array__") and hasattr(value, "dtype"):
            return self._series(value)
        if isinstance(value, np.random.RandomState):
            return self.all("RandomState", value.get_state(legacy=False))
        if isinstance(value, np.random.Generator):
            return self.all("Generator", value.bit_generator.state)
        if cloned and hasattr(value, "get_params") and not _is_kept(value):
            params = sorted(value.get_params(deep=False).items())
            values = (self.of(each, cloned=True) for _, each in params)
            names = self.of([name for name, _ in params])
            return _join("estimator", self.of(kind), names, *values)
        return self._object(value)

    def _array(self, array):
        kind = "array" if isinstance(array, np.ndarray) else "scalar"
        array = np.asarray(array)
        about = _text(str(array.dtype)), _text(str(array.shape))
        if array.dtype.names:  # There can be anything between the fields.
            fields = (self.of(array[name]) for name in array.dtype.names)
            return _join(kind, *about, *fields)
        if array.dtype == object:
            return _join(kind, *about, *map(self.of, array.flat))
        return _join(kind, *about, np.ascontiguousarray(array).tobytes())

    def _frame(self, frame):
        if hasattr(frame, "iloc"):
            columns = [frame.iloc[:, i] for i in range(frame.shape[1])]
        else:
            columns = [frame[name] for name in frame.columns]
        return self.all("frame", type(frame), list(frame.columns), *columns)

    def _series(self, series):
        dtype = series.dtype
        categories = getattr(dtype, "categories", None)
        if categories is not None:
            categories = list(categories)
        parts = [str(dtype), categories, getattr(dtype, "ordered", None)]
        if hasattr(series, "iloc"):
            parts.append(np.asarray(series.index))
        return self.all("series", type(series), *parts, np.asarray(series))

    def _class(self, value):
        name = f"{value.__module__} {value.__qualname__}"
        release = _release(value)
        if release:
            return self.all("class", name, release)
        functions = types.FunctionType, property, staticmethod, classmethod
        own = [(k, v) for k, v in vars(value).items() if isinstance(v, functions)]
        return self.all(
            "class", name, value.__bases__, sorted(own, key=lambda kv: kv[0])
        )

    def _function(self, function):
        cells = []
        for cell in function.__closure__ or ():
            try:
                cells.append((cell.cell_contents,))
            except ValueError:  # It is not filled yet.
                cells.append(())
        used, release = {}, _release(function)
        if not release:
            names = sorted(_global_names(function.__code__))
            space = function.__globals__
            used = {name: space[name] for name in names if name in space}
        return self.all(
            "function",
            function.__module__,
            function.__qualname__,
            function.__code__,
            function.__defaults__,
            function.__kwdefaults__,
            vars(function),
            cells,
            used,
            release,
        )

    def _code(self, code):
        return self.all(
            "code",
            code.co_code,
            code.co_consts,
            code.co_names,
            code.co_varnames,
            code.co_freevars,
            code.co_argcount,
            code.co_posonlyargcount,
            code.co_kwonlyargcount,
            code.co_flags,
        )

    def _object(self, value):
        """Return the digest of what a copy of an object would be made from."""
        try:
            made = value.__reduce_ex__(4)
        except Exception as error:
            raise ValueError(
                f"{shown(value)} does not show what it consists of ({error})"
            ) from error
        if isinstance(made, str):
            return self.all("global", str(getattr(value, "__module__", None)), made)
        make, args, state, items, pairs = (*made, None, None, None)[:5]
        items, pairs = list(items or ()), list(pairs or ())
        return self.all("object", type(value), make, args, state, items, pairs)


def _is_kept(estimator):
    """Return whether a clone of an estimator keeps what it has learnt."""
    clone = getattr(type(estimator), "__sklearn_clone__", None)
    return clone not in (None, BaseEstimator.__sklearn_clone__)


def _release(value):
    """Return the package of a class or function and its version; None if it has none.

    The code of what is installed changes with its version alone, and what it uses is
    not looked up.
    """
    package = str(value.__module__).partition(".")[0]
    if package == "__main__":  # A script or notebook, whatever has started it.
        return None
    if package in sys.stdlib_module_names:
        return package
    module = sys.modules.get(package)
    folders = Path(getattr(module, "__file__", None) or "").parts
    if package == "skpoison" or {"site-packages", "dist-packages"} & set(folders):
        return f"{package} {getattr(module, '__version__', '')}"
    return None


def _global_names(code):
    """Return the names that a function, and those within it, look up outside."""
    found = {
        each.argval
        for each in dis.get_instructions(code)
        if each.opname in ("LOAD_GLOBAL", "LOAD_NAME")
    }
    for each in code.co_consts:
        if isinstance(each, types.CodeType):
            found |= _global_names(each)
    return found
