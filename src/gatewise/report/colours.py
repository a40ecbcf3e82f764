"""The colour maps of gates and states, monotonic in lightness, so that the colour-blind can read them."""

from __future__ import annotations

# A closed gate has the colour of the paper, an open one the strongest; a state of zero that of the paper.
GATES = {
    "light": ("#f7f5ee", "#cfe0c3", "#8fc3a9", "#4f9f9a", "#2a7387", "#1d4a6d", "#122a4a"),
    "dark": ("#15171b", "#1b3348", "#23586f", "#3b8687", "#73b089", "#b9d692", "#faf4c4"),
}
STATES = {
    "light": ("#08304f", "#2a6f97", "#8fb9d3", "#f7f5ee", "#e9ac85", "#c1560e", "#6b2303"),
    "dark": ("#b5dcf5", "#5aa5d2", "#1f587d", "#15171b", "#8a4312", "#dd7a33", "#ffd3ae"),
}
LINES = {
    "light": ("#0072b2", "#c8500a", "#00835f", "#a4427c", "#8a6d00", "#5b5bd6"),
    "dark": ("#56b4e9", "#f09a3e", "#35c79b", "#e79ac4", "#e8d84a", "#a5a5ff"),
}
