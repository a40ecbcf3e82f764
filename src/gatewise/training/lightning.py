"""Additional settings of Lightning's trainer: options, callbacks and a logger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from inspect import signature
from pathlib import Path
from typing import Any

from gatewise.errors import GatewiseError

LOGGERS = ("csv", "tensorboard", "mlflow")


@dataclass(frozen=True)
class Lightning:
    """Settings of a user. options: of the `Trainer`; callbacks: more; logger: a name, an object, or None."""

    options: Mapping[str, Any] = field(default_factory=dict)
    callbacks: Sequence[Any] = ()
    logger: Any = None

    def __post_init__(self) -> None:
        """Raises: `GatewiseError` if there is no logger of that name, or the `Trainer` lacks an option."""
        if isinstance(self.logger, str) and self.logger not in LOGGERS:
            raise GatewiseError(
                f"there is no logger {self.logger!r}; give {', '.join(LOGGERS)}, or an object"
            )
        if self.options:
            from pytorch_lightning import Trainer

            known = signature(Trainer).parameters
            for name in self.options:
                if name not in known:
                    raise GatewiseError(
                        f"trainer={{{name!r}: ...}}: Lightning's Trainer has no option {name!r}"
                    )

    def logger_in(self, folder: Path) -> Any:
        """The logger that writes into a run's folder; False for none.

        Raises: `GatewiseError` if its library is not installed.
        """
        if self.logger is None or not isinstance(self.logger, str):
            return self.logger or False
        from pytorch_lightning import loggers

        kinds: dict[str, Any] = {
            "csv": lambda: loggers.CSVLogger(folder, name="logs"),
            "tensorboard": lambda: loggers.TensorBoardLogger(folder, name="logs"),
            "mlflow": lambda: loggers.MLFlowLogger(run_name=folder.name),
        }
        try:
            return kinds[self.logger]()
        except ModuleNotFoundError as error:
            raise GatewiseError(f"the logger {self.logger!r} needs a library: {error}") from error


NO_EXTRAS = Lightning()
