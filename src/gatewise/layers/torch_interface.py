"""The names by which code for the layers of `torch.nn` reads a layer."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from gatewise.cells.base import CellType
from gatewise.errors import GatewiseError
from gatewise.layers.int8 import Int8Layer
from gatewise.layers.states import State


class TorchInterface(Int8Layer):
    """The attributes and methods of `torch.nn.RNNBase`, for initializers, wrappers and subclasses.

    A layer keeps its parameters by name alone: the lists below are new at each access, and can't be assigned.
    """

    cell: CellType
    input_size: int
    hidden_size: int | Sequence[int]
    num_layers: int
    proj_size: int
    batch_first: bool
    bidirectional: bool
    states_batch_first: bool
    _names: list[dict[str, str]]  # of each layer and direction, the parameters by their names in the cell

    @property
    def _all_weights(self) -> list[list[str]]:
        return [list(names.values()) for names in self._names]

    @property
    def _flat_weights_names(self) -> list[str]:
        return [name for names in self._all_weights for name in names]

    @property
    def all_weights(self) -> list[list[Tensor]]:
        """The parameters of each layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    @property
    def _flat_weights(self) -> list[Tensor]:
        return [values for one in self.all_weights for values in one]

    @_flat_weights.setter
    def _flat_weights(self, values: Sequence[Tensor]) -> None:
        raise GatewiseError("_flat_weights is read-only; assign a parameter by name, such as weight_hh_l0")

    def flatten_parameters(self) -> None:
        """Does nothing: kernels pack the parameters themselves."""

    def get_expected_hidden_size(self, input: Tensor, batch_sizes: Tensor | None = None) -> tuple[int, ...]:
        """The shape of the first state for a padded input, or for the data of a packed one."""
        return self._state_shape(self.proj_size or self._one_size(), input, batch_sizes)

    def get_expected_cell_size(self, input: Tensor, batch_sizes: Tensor | None = None) -> tuple[int, ...]:
        """The shape of all other states."""
        return self._state_shape(self._one_size(), input, batch_sizes)

    def check_input(self, input: Tensor, batch_sizes: Tensor | None = None) -> None:
        """Raises: `GatewiseError` if a padded input, or the data of a packed one, has another shape."""
        axes = 3 if batch_sizes is None else 2
        if input.dim() != axes or input.shape[-1] != self.input_size:
            raise GatewiseError(
                f"expected input of {axes} axes, the last of {self.input_size}, got {list(input.shape)}"
            )

    def check_hidden_size(
        self,
        hx: Tensor,
        expected_hidden_size: tuple[int, ...],
        msg: str = "expected a state of shape {}, got {}",
    ) -> None:
        """Raises: `GatewiseError` if a state has another shape."""
        if tuple(hx.shape) != tuple(expected_hidden_size):
            raise GatewiseError(msg.format(list(expected_hidden_size), list(hx.shape)))

    def check_forward_args(self, input: Tensor, hidden: State, batch_sizes: Tensor | None = None) -> None:
        """Raises: `GatewiseError` if the input or a state has another shape."""
        self.check_input(input, batch_sizes)
        first, *others = (hidden,) if isinstance(hidden, Tensor) else hidden
        self.check_hidden_size(first, self.get_expected_hidden_size(input, batch_sizes))
        for state in others:
            self.check_hidden_size(state, self.get_expected_cell_size(input, batch_sizes))

    def permute_hidden(self, hx: State, permutation: Tensor | None) -> State:
        """The states with their sequences in another order; unchanged if there is none."""
        if permutation is None:
            return hx
        if isinstance(hx, Tensor):
            return hx.index_select(0 if self.states_batch_first else 1, permutation)
        return tuple(self.permute_hidden(one, permutation) for one in hx)

    def _state_shape(self, width: int, input: Tensor, batch_sizes: Tensor | None) -> tuple[int, ...]:
        rows = int(batch_sizes[0]) if batch_sizes is not None else input.shape[0 if self.batch_first else 1]
        places = self.num_layers * (1 + self.bidirectional)
        return (rows, places, width) if self.states_batch_first else (places, rows, width)

    def _one_size(self) -> int:
        if isinstance(self.hidden_size, Sequence):
            raise GatewiseError(f"layers of sizes {list(self.hidden_size)} have no common shape of states")
        return self.hidden_size
