"""Cells: the equations of one step, one file for each family."""

from gatewise.cells.base import Cell, CellType
from gatewise.cells.catalogue import cells, find_cell, lattice_cells
from gatewise.cells.grid import grid
from gatewise.cells.gru import GRU, MGU, ChoGRU
from gatewise.cells.gru_d import GRUD
from gatewise.cells.layer_norm import LayerNormLSTM
from gatewise.cells.light import QRNN, SRU, IndRNN
from gatewise.cells.linear_recurrent import LRU, RGLRU
from gatewise.cells.lstm import LSTM, LSTM1997
from gatewise.cells.min_gru import MinGRU, MinLSTM
from gatewise.cells.mogrifier import MogrifierLSTM
from gatewise.cells.multidimensional import leaky_mdlstm, mdgru, mdlstm, mdrnn
from gatewise.cells.notation import (
    P,
    R,
    U,
    W,
    b,
    back,
    cos,
    exp,
    log,
    log_sigmoid,
    matrices,
    maximum,
    minimum,
    normalize,
    p,
    position,
    prev,
    relu,
    sigmoid,
    sin,
    softplus,
    sqrt,
    tanh,
    uniform,
    vectors,
    x,
)
from gatewise.cells.peephole import FullPeepholeLSTM, PeepholeLSTM
from gatewise.cells.rnn import RNN, ReluRNN
from gatewise.cells.use_gate import UseGateLSTM
from gatewise.cells.variants import (
    CoupledLSTM,
    FullGateRecurrenceLSTM,
    NoForgetGateLSTM,
    NoInputActivationLSTM,
    NoInputGateLSTM,
    NoOutputActivationLSTM,
    NoOutputGateLSTM,
)
from gatewise.cells.xlstm import SLSTM

__all__ = [
    "GRU",
    "GRUD",
    "LRU",
    "LSTM",
    "LSTM1997",
    "MGU",
    "QRNN",
    "RGLRU",
    "RNN",
    "SLSTM",
    "SRU",
    "Cell",
    "CellType",
    "ChoGRU",
    "CoupledLSTM",
    "FullGateRecurrenceLSTM",
    "FullPeepholeLSTM",
    "IndRNN",
    "LayerNormLSTM",
    "MinGRU",
    "MinLSTM",
    "MogrifierLSTM",
    "NoForgetGateLSTM",
    "NoInputActivationLSTM",
    "NoInputGateLSTM",
    "NoOutputActivationLSTM",
    "NoOutputGateLSTM",
    "P",
    "PeepholeLSTM",
    "R",
    "ReluRNN",
    "U",
    "UseGateLSTM",
    "W",
    "b",
    "back",
    "cells",
    "cos",
    "exp",
    "find_cell",
    "grid",
    "lattice_cells",
    "leaky_mdlstm",
    "log",
    "log_sigmoid",
    "matrices",
    "maximum",
    "mdgru",
    "mdlstm",
    "mdrnn",
    "minimum",
    "normalize",
    "p",
    "position",
    "prev",
    "relu",
    "sigmoid",
    "sin",
    "softplus",
    "sqrt",
    "tanh",
    "uniform",
    "vectors",
    "x",
]
