"""Those that gatewise is timed beside; one file a rival."""

from gatewise.speed.contender import Rival
from gatewise.speed.rivals.diagonals import Diagonals, JaxDiagonals, Positions
from gatewise.speed.rivals.eager import Eager
from gatewise.speed.rivals.jax_scan import JaxScan
from gatewise.speed.rivals.onnx_engines import OnnxRuntime, OpenVino
from gatewise.speed.rivals.ours import Float32, Ours, Recomputing, Traced
from gatewise.speed.rivals.scripted import Scripted
from gatewise.speed.rivals.torch_nn import TorchNN
from gatewise.speed.rivals.torch_scan import TorchScan

OURS: tuple[Rival, ...] = (Ours(), Recomputing(), Traced(), Float32())
RIVALS: tuple[Rival, ...] = (
    TorchNN(), Eager(), Scripted(), TorchScan(), JaxScan(), OnnxRuntime(), OpenVino(),
    Positions(), Diagonals(), JaxDiagonals(),
)  # fmt: skip

__all__ = ["OURS", "RIVALS"]
