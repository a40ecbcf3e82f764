"""The gradient through time, followed while a network trains."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from gatewise.errors import GatewiseError
from gatewise.files import write_whole
from gatewise.insight.gradient import Flow, flow_table, gradient_flow

WHAT_TO_DO = (
    "clip it at a smaller norm, take a lower learning rate or a cell with gates, "
    "or start from smaller recurrent weights and a lower forget bias"
)


class GradientWatch(Callback):
    """Follows the gradient back through time on the first batch of each epoch, and warns where it explodes.

    path: a CSV file, a row for each `epoch`, `layer`, `cell`, `state` and `lag`, with the `norm` of the
    gradient by that state as the mean over the batch; the lag counts back from a layer's last step
    loss: of a module on a batch, called once more for it; tell: is told of the first explosion, in a sentence

    It draws no random numbers that training would miss, and its rows live in checkpoints. The gradient is
    that of `gatewise.insight.gradient.gradient_flow`, which takes a few times as long as a batch.

    >>> from pathlib import Path
    >>> watch = GradientWatch(Path("gradient.csv"), lambda module, batch: module.training_step(batch, 0))
    >>> watch.state_dict()
    {'rows': None, 'told': False}
    """

    def __init__(
        self,
        path: Path,
        loss: Callable[[LightningModule, Any], Tensor],
        tell: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        self.path, self.loss, self.tell = path, loss, tell
        self.table: pl.DataFrame | None = None
        self.told = False

    def state_dict(self) -> dict[str, Any]:
        rows = None if self.table is None else self.table.to_dict(as_series=False)
        return {"rows": rows, "told": self.told}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        rows, self.told = state_dict["rows"], state_dict["told"]
        self.table = None if rows is None else pl.DataFrame(rows)

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if batch_idx != 0 or not trainer.is_global_zero:
            return
        device = pl_module.device
        with torch.random.fork_rng([] if device.type == "cpu" else [device]):
            torch.manual_seed(trainer.current_epoch)  # a resumed training sees the same dropout
            try:
                flows = gradient_flow(pl_module, lambda: self.loss(pl_module, batch))
            except GatewiseError as error:
                self._say(f"the gradient can't be followed: {error}")
                return
        flows = [one for one in flows if one.steps > 1]
        if not flows:
            self._say("the gradient can't be followed: every layer runs for one step at a time")
            return
        table = flow_table(flows)
        table = table.select(pl.lit(trainer.current_epoch, pl.Int64).alias("epoch"), pl.all())
        self.table = table if self.table is None else pl.concat([self.table, table])
        write_whole(self.path, self.table.write_csv)
        self._warn(flows, trainer.current_epoch)

    def _warn(self, flows: list[Flow], epoch: int) -> None:
        for flow in flows:
            if flow.explodes:
                self._say(f"epoch {epoch + 1}, {flow.sentence(flow.cell.state[0])}: {WHAT_TO_DO}")

    def _say(self, sentence: str) -> None:
        if not self.told:
            self.told = True
            self.tell(sentence)
