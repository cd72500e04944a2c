"""What is seen while a model is trained: the rows of the loss table, and a bar below them.

The bar needs the extra `progress` (tqdm) and a terminal; without them the rows alone tell the progress.
"""

from __future__ import annotations

from bnns_lstm.cli.messages import say
from bnns_lstm.demo.train import Record
from bnns_lstm.optim.bar import bar

__all__ = ["Progress"]

ROWS = 10


class Progress:
    """Shows records as they come, until it is closed.

    Args:
        epochs: How many records there will be.
    """

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs
        self._every = -(-epochs // ROWS)
        # On the error output, so that the table can be sent elsewhere.
        self._bar = bar(epochs, "epoch")
        self._print(f"{'epoch':>6} {'rate':>9} {'training loss':>14} {'test loss':>10}")

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()

    def show(self, record: Record) -> None:
        """Move the bar, and print a row for the first epoch, the last, and about ten in all."""
        if record.epoch in (1, self._epochs) or record.epoch % self._every == 0:
            self._print(
                f"{record.epoch:>6} {record.rate:>9.6f} "
                f"{record.train_loss:>14.5f} {record.test_loss:>10.5f}"
            )
        if self._bar is not None:
            self._bar.update()

    def _print(self, row: str) -> None:
        if self._bar is not None:
            self._bar.clear()
        try:
            say(row)
        except BrokenPipeError:
            # The reader has seen enough; the model is wanted all the same. Later rows go nowhere.
            return
        if self._bar is not None:
            self._bar.refresh()
