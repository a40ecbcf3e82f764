"""Those that gatewise is timed beside; one file a rival."""

from gatewise.benchmark.contender import Rival
from gatewise.benchmark.rivals.diagonals import Diagonals, JaxDiagonals, Positions
from gatewise.benchmark.rivals.eager import Eager
from gatewise.benchmark.rivals.jax_scan import JaxScan
from gatewise.benchmark.rivals.onnx_engines import OnnxRuntime, OpenVino
from gatewise.benchmark.rivals.ours import Float32, Ours, Recomputing, Traced
from gatewise.benchmark.rivals.scripted import Scripted
from gatewise.benchmark.rivals.torch_nn import TorchNN
from gatewise.benchmark.rivals.torch_scan import TorchScan

OURS: tuple[Rival, ...] = (Ours(), Recomputing(), Traced(), Float32())
RIVALS: tuple[Rival, ...] = (
    TorchNN(), Eager(), Scripted(), TorchScan(), JaxScan(), OnnxRuntime(), OpenVino(),
    Positions(), Diagonals(), JaxDiagonals(),
)  # fmt: skip

__all__ = ["OURS", "RIVALS"]
