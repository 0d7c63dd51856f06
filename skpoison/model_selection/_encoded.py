"""Attacks behind an encoder."""

from sklearn.base import clone

from skpoison.base import BasePoisoner, Poison


class EncodedAttack(BasePoisoner):
    """An attack that sees the rows as an encoder turns them into numbers.

    The encoder is fitted on the training rows, as the victim fits its own. What the
    attack does to labels and rows is done to the rows as they came: labels are flipped,
    and rows are cloned or deleted. An attack that writes features cannot be undone by
    an encoder, and is refused.

    Parameters
    ----------
    attack : sampler
        The attack.
    encoder : transformer
        Turns the rows into numbers.
    budget : float or int, default=0.1
        The budget of the attack, instead of its own.
    """

    _reads_features = False

    def __init__(self, attack, encoder, budget=0.1):
        super().__init__(budget)
        self.attack = attack
        self.encoder = encoder

    def _poison(self, X, y, *, n_poison, trusted, random_state):
        encoded = clone(self.encoder).fit_transform(X, y)
        self.attack_ = clone(self.attack).set_params(budget=n_poison)
        self.attack_.fit_resample(encoded, y, trusted=trusted)
        poison = self.attack_.poison_
        clones = poison.X_inserted is None or poison.X_inserted.ndim == 1
        if poison.X_modified is not None or not clones:
            raise ValueError(
                f"attack must write no features behind an encoder; got {self.attack!r}."
            )
        return Poison(
            y=poison.y,
            X_inserted=poison.X_inserted,
            y_inserted=poison.y_inserted,
            deleted=poison.deleted,
        )
