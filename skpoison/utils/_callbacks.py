"""Progress of long computations.

It is reported to the callbacks of scikit-learn, such as its progress bar, which exist
from version 1.9 on, and printed if `verbose` is set.
"""

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:

    class CallbackSupportMixin:
        """Replacement of the class of the same name of scikit-learn 1.9."""

    def with_callbacks(method):
        """Leave a method as it is."""
        return method


class Progress:
    """Report of each step of a long computation, to callbacks and on the screen.

    Parameters
    ----------
    estimator : estimator
        What is computing.
    task : str
        Name of the computation.
    n_steps : int
        Maximum number of steps.
    every : int
        Number of steps after which a line is printed; 0 for never.
    """

    def __init__(self, estimator, task, n_steps, every):
        self.estimator, self.every = estimator, every
        self.n_done, self.n_steps = 0, n_steps
        self.stopped = False
        self.context = None
        if getattr(estimator, "_skl_callbacks", None):
            self.context = estimator._init_callback_context(
                task_name=task, max_subtasks=n_steps
            )
            self.context.call_on_fit_task_begin(estimator=estimator)

    def __call__(self, value):
        """Report a step.

        Parameters
        ----------
        value : float
            The goal after the step.

        Returns
        -------
        stop : bool
            Whether a callback has asked to stop.
        """
        self.n_done += 1
        if self.every and self.n_done % self.every == 0:
            name = type(self.estimator).__name__
            print(f"[{name}] step {self.n_done} of {self.n_steps}: goal {value:.6g}")
        if self.context is not None:
            step = self.context.subcontext(task_name="step")
            step.call_on_fit_task_begin(estimator=self.estimator)
            self.stopped |= bool(step.call_on_fit_task_end(estimator=self.estimator))
        return self.stopped

    def end(self):
        """Report the end."""
        if self.context is not None:
            self.context.call_on_fit_task_end(estimator=self.estimator)
