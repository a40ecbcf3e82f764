"""The gradient through time, recorded during training."""

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

REMEDIES = (
    "clip it at a smaller norm, use a lower learning rate or a cell with gates, "
    "or initialize smaller recurrent weights and a lower forget bias"
)


class GradientWatch(Callback):
    """Records the gradient through time on the first batch of each epoch, and warns if it explodes.

    path: of a CSV file, a row for each `epoch`, `layer`, `cell`, `state` and `lag`, with the `norm` of the
        gradient with respect to that state, as the mean over the batch; the lag counts back from a layer's
        last step
    loss: of a module on a batch, computed once more; warn: is called with a sentence at the first explosion

    The random numbers of the training are unaffected, and the rows are stored in checkpoints. The gradient is
    that of `gatewise.insight.gradient.gradient_flow`, which takes a few times as long as a batch.

    >>> from pathlib import Path
    >>> watch = GradientWatch(Path("gradient.csv"), lambda module, batch: module.training_step(batch, 0))
    >>> watch.state_dict()
    {'rows': None, 'warned': False}
    """

    loss: Callable[[LightningModule, Any], Tensor]
    warn: Callable[[str], None]
    path: Path
    warned: bool

    def __init__(
        self,
        path: Path,
        loss: Callable[[LightningModule, Any], Tensor],
        warn: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        self.path, self.loss, self.warn = path, loss, warn
        self.table: pl.DataFrame | None = None
        self.warned = False

    def state_dict(self) -> dict[str, Any]:
        rows = None if self.table is None else self.table.to_dict(as_series=False)
        return {"rows": rows, "warned": self.warned}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        rows, self.warned = state_dict["rows"], state_dict["warned"]
        self.table = None if rows is None else pl.DataFrame(rows)

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if batch_idx != 0 or not trainer.is_global_zero:
            return
        device = pl_module.device
        with torch.random.fork_rng([] if device.type == "cpu" else [device]):
            torch.manual_seed(trainer.current_epoch)  # a resumed training has the same dropout
            try:
                flows = gradient_flow(pl_module, lambda: self.loss(pl_module, batch))
            except GatewiseError as error:
                self._warn_once(f"the gradient can't be recorded: {error}")
                return
        flows = [one for one in flows if one.steps > 1]
        if not flows:
            self._warn_once("the gradient can't be recorded: every layer runs one step at a time")
            return
        table = flow_table(flows)
        table = table.select(pl.lit(trainer.current_epoch, pl.Int64).alias("epoch"), pl.all())
        self.table = table if self.table is None else pl.concat([self.table, table])
        write_whole(self.path, self.table.write_csv)
        self._check(flows, trainer.current_epoch)

    def _check(self, flows: list[Flow], epoch: int) -> None:
        for flow in flows:
            if flow.explodes:
                self._warn_once(f"epoch {epoch + 1}, {flow.sentence(flow.cell.state[0])}: {REMEDIES}")

    def _warn_once(self, sentence: str) -> None:
        if not self.warned:
            self.warned = True
            self.warn(sentence)
