"""Base class of displays."""

from skpoison.utils._optional import import_optional


class BaseDisplay:
    """Base class of displays: plots of data that have been computed before.

    The constructor takes the data and stores them, and `plot` draws them.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the plot.
    figure_ : matplotlib Figure
        Figure with the plot.
    """

    def _prepare_axes(self, ax=None):
        """Return the axes to draw in, and set the attributes.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            The axes that the user passed. None makes a new figure.

        Returns
        -------
        ax : matplotlib Axes
        """
        if ax is None:
            pyplot = import_optional(
                "matplotlib.pyplot", extra="plot", user=type(self).__name__
            )
            _, ax = pyplot.subplots()
        self.ax_, self.figure_ = ax, ax.figure
        return ax
