"""Layers: cells along sequences and over lattices, as `nn.Module`s."""

from gatewise.layers.blocks import BlockStack, Griffin, RecurrentBlock, xLSTM
from gatewise.layers.dropins import GRU, LSTM, RNN
from gatewise.layers.grid import GridLSTM
from gatewise.layers.lattice import MDGRU, MDLSTM, MDRNN, Lattice
from gatewise.layers.quantization import quantize
from gatewise.layers.recurrent import Recurrent
from gatewise.layers.recurrent_cell import GRUCell, LSTMCell, RecurrentCell, RNNCell
from gatewise.layers.states import detach

__all__ = [
    "GRU",
    "LSTM",
    "MDGRU",
    "MDLSTM",
    "MDRNN",
    "RNN",
    "BlockStack",
    "GRUCell",
    "GridLSTM",
    "Griffin",
    "LSTMCell",
    "Lattice",
    "RNNCell",
    "Recurrent",
    "RecurrentBlock",
    "RecurrentCell",
    "detach",
    "quantize",
    "xLSTM",
]
