"""The competitors of gatewise, one file each."""

from gatewise.benchmark.candidate import Competitor
from gatewise.benchmark.competitors.diagonals import Diagonals, JaxDiagonals, Positions
from gatewise.benchmark.competitors.eager import Eager
from gatewise.benchmark.competitors.jax_scan import JaxScan
from gatewise.benchmark.competitors.one_step import OurCell, OurStepper, TorchCell
from gatewise.benchmark.competitors.onnx_engines import OnnxRuntime, OpenVino
from gatewise.benchmark.competitors.ours import Float32, Ours, Recomputing, Traced
from gatewise.benchmark.competitors.scripted import Scripted
from gatewise.benchmark.competitors.torch_nn import TorchNN
from gatewise.benchmark.competitors.torch_scan import TorchScan

OURS: tuple[Competitor, ...] = (Ours(), Recomputing(), Traced(), Float32(), OurCell(), OurStepper())
COMPETITORS: tuple[Competitor, ...] = (
    TorchNN(), TorchCell(), Eager(), Scripted(), TorchScan(), JaxScan(), OnnxRuntime(), OpenVino(),
    Positions(), Diagonals(), JaxDiagonals(),
)  # fmt: skip

__all__ = ["COMPETITORS", "OURS"]
