"""Layers: cells run along sequences, as `nn.Module`s."""

from gatewise.layers.dropins import GRU, LSTM, RNN
from gatewise.layers.recurrent import Recurrent
from gatewise.layers.states import detach

__all__ = ["GRU", "LSTM", "RNN", "Recurrent", "detach"]
