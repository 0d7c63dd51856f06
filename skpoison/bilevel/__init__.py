"""The mathematics of poisoning: arrays in, arrays out, without validation.

* :mod:`~skpoison.bilevel.losses`: losses of scores, and their derivatives;
* :mod:`~skpoison.bilevel.goals`: goals of the attacker, as functions of weights;
* :mod:`~skpoison.bilevel.learners`: what is minimised;
* :mod:`~skpoison.bilevel.solvers`: where the minimum is;
* :mod:`~skpoison.bilevel.differentiation`: how the minimum, and with it a goal, moves
  with the training rows.

Each of them imports from those above it only. They know neither estimators nor
randomness, with two exceptions: the solver of the SVM dual starts from a solution of
libsvm, for which scikit-learn's SVC is the interface; and
:class:`~skpoison.bilevel.learners.network.NetworkLearner` holds a RandomState, since
the initial weights of a network are part of its training problem: the same state draws
the same weights each time.
"""
