"""Each cell once more, written from its paper as plain loops over units. Shares no code with gatewise.

A formula takes the step's input and states as lists of numbers and `w`, which gives weights by the
names of the parameters, and returns the new states.
"""

from cmath import exp as complex_exp
from math import exp, log, sqrt, tanh


def sigmoid(value):
    return 1 / (1 + exp(-value)) if value >= 0 else exp(value) / (1 + exp(value))


class Weights:
    """Rows of a layer's parameters, by name, gate and unit."""

    def __init__(self, parameters, hidden, gates, heads=1):
        self.parameters = {name: value.tolist() for name, value in parameters.items()}
        self.hidden, self.gates, self.heads = hidden, gates, heads

    def row(self, name, gate, unit, gates=None):
        if name not in self.parameters:
            return None
        return self.parameters[name][(gates or self.gates).index(gate) * self.hidden + unit]

    def times(self, name, gate, unit, vector, gates=None):
        row = self.row(name, gate, unit, gates)
        return sum(a * b for a, b in zip(row, vector, strict=True))

    def input(self, gate, unit, x, gates=None):
        return self.times("weight_ih", gate, unit, x, gates) + (self.row("bias_ih", gate, unit, gates) or 0.0)

    def hidden_part(self, gate, unit, h):
        return self.times("weight_hh", gate, unit, h) + (self.row("bias_hh", gate, unit) or 0.0)

    def drive(self, gate, unit, x, h):
        return self.input(gate, unit, x) + self.hidden_part(gate, unit, h)


def rnn(x, s, w, phi=tanh):
    return {"h": [phi(w.drive("h", k, x, s["h"])) for k in range(w.hidden)]}


def relu_rnn(x, s, w):
    return rnn(x, s, w, phi=lambda value: max(value, 0.0))


def _lstm(x, s, w, *, f=True, i=True, o=True, g=tanh, show=tanh, peephole=False, coupled=False):
    """Greff et al. 2015, equations of section 2, with the switches of section 3."""
    h_new, c_new = [], []
    for k in range(w.hidden):

        def see(gate, memory, k=k):
            return w.row("p", gate, k, [z for z in "ifo" if z in w.gates]) * memory if peephole else 0.0

        old = s["c"][k]
        forget = sigmoid(w.drive("f", k, x, s["h"]) + see("f", old)) if f else 1.0
        write = sigmoid(w.drive("i", k, x, s["h"]) + see("i", old)) if i and not coupled else 1.0
        write = 1 - forget if coupled else write
        memory = forget * old + write * g(w.drive("g", k, x, s["h"]))
        out = sigmoid(w.drive("o", k, x, s["h"]) + see("o", memory)) if o else 1.0
        c_new.append(memory)
        h_new.append(out * show(memory))
    return {"h": h_new, "c": c_new}


def same(value):
    return value


def lstm(x, s, w):
    return _lstm(x, s, w)


def lstm_1997(x, s, w):
    return _lstm(x, s, w, f=False)


def peephole(x, s, w, **switches):
    return _lstm(x, s, w, peephole=True, **switches)


def full_peephole(x, s, w):
    """Every sigmoid sees [c, h, x]; the output gate sees the new c."""
    hidden, gates = range(w.hidden), ["i", "f", "o"]
    i = [sigmoid(w.drive("i", k, x, s["h"]) + w.times("P", "i", k, s["c"], gates)) for k in hidden]
    f = [sigmoid(w.drive("f", k, x, s["h"]) + w.times("P", "f", k, s["c"], gates)) for k in hidden]
    c = [f[k] * s["c"][k] + i[k] * tanh(w.drive("g", k, x, s["h"])) for k in hidden]
    o = [sigmoid(w.drive("o", k, x, s["h"]) + w.times("P", "o", k, c, gates)) for k in hidden]
    return {"h": [o[k] * tanh(c[k]) for k in hidden], "c": c}


def full_gate_recurrence(x, s, w):
    """Greff et al. 2015, FGR: R_ii i + R_fi f + R_oi o of the last step, in every gate."""
    gates = ["i", "f", "o"]

    def gate(name, k, memory):
        value = w.drive(name, k, x, s["h"]) + w.row("p", name, k, gates) * memory
        for family, last in (("I", s["i"]), ("F", s["f"]), ("O", s["o"])):
            value += w.times(family, name, k, last, gates)
        return sigmoid(value)

    hidden = range(w.hidden)
    i = [gate("i", k, s["c"][k]) for k in hidden]
    f = [gate("f", k, s["c"][k]) for k in hidden]
    c = [f[k] * s["c"][k] + i[k] * tanh(w.drive("g", k, x, s["h"])) for k in hidden]
    o = [gate("o", k, c[k]) for k in hidden]
    return {"h": [o[k] * tanh(c[k]) for k in hidden], "c": c, "i": i, "f": f, "o": o}


def use_gate(x, s, w):
    """N, i, f, c' = c f + N i, U = tanh(W_u (c f) + b_u), V, h' = U V."""
    hidden = range(w.hidden)
    kept = [s["c"][k] * sigmoid(w.drive("f", k, x, s["h"])) for k in hidden]
    learnt = [tanh(w.drive("n", k, x, s["h"])) * sigmoid(w.drive("i", k, x, s["h"])) for k in hidden]
    offer = [tanh(w.times("U", "u", k, kept, ["u"]) + (w.row("b", "u", k, ["u"]) or 0.0)) for k in hidden]
    use = [sigmoid(w.drive("v", k, x, s["h"])) for k in hidden]
    return {"h": [offer[k] * use[k] for k in hidden], "c": [kept[k] + learnt[k] for k in hidden]}


def gru(x, s, w):
    """The equations of the documentation of torch.nn.GRU."""
    h = []
    for k in range(w.hidden):
        r = sigmoid(w.drive("r", k, x, s["h"]))
        z = sigmoid(w.drive("z", k, x, s["h"]))
        n = tanh(w.input("n", k, x) + r * w.hidden_part("n", k, s["h"]))
        h.append((1 - z) * n + z * s["h"][k])
    return {"h": h}


def cho_gru(x, s, w):
    """Cho et al. 2014, equations 5 to 8: the reset gate acts before the product."""
    hidden = range(w.hidden)
    reset = [sigmoid(w.drive("r", k, x, s["h"])) * s["h"][k] for k in hidden]
    h = []
    for k in hidden:
        z = sigmoid(w.drive("z", k, x, s["h"]))
        h.append((1 - z) * tanh(w.input("n", k, x) + w.hidden_part("n", k, reset)) + z * s["h"][k])
    return {"h": h}


def gru_d(x, s, w):
    """Che et al. 2018, equations 4 and 11 to 15, for an input of values, mask and times."""
    hidden, recurrent = range(w.hidden), "rzn"

    def drive(gate, k, h):
        bias = w.row("bias_hh", gate, k, recurrent) or 0.0
        return w.input(gate, k, x) + w.times("weight_hh", gate, k, h, recurrent) + bias

    left = [exp(-max(0.0, w.input("d", k, x))) * s["h"][k] for k in hidden]
    reset = [sigmoid(drive("r", k, left)) * left[k] for k in hidden]
    h = []
    for k in hidden:
        z = sigmoid(drive("z", k, left))
        h.append((1 - z) * left[k] + z * tanh(drive("n", k, reset)))
    return {"h": h}


def mgu(x, s, w):
    """Zhou et al. 2016, equations 8 to 10."""
    hidden = range(w.hidden)
    f = [sigmoid(w.drive("f", k, x, s["h"])) for k in hidden]
    forgotten = [f[k] * s["h"][k] for k in hidden]
    g = [tanh(w.input("g", k, x) + w.hidden_part("g", k, forgotten)) for k in hidden]
    return {"h": [(1 - f[k]) * s["h"][k] + f[k] * g[k] for k in hidden]}


def _normalized(values, gain, shift):
    mean = sum(values) / len(values)
    deviation = sqrt(sum((one - mean) ** 2 for one in values) / len(values) + 1e-5)
    return [a * (one - mean) / deviation + b for one, a, b in zip(values, gain, shift, strict=True)]


def layer_norm_lstm(x, s, w):
    """Ba et al. 2016, equations 20 to 22: all gates of a product are normalized together."""
    rows = [(gate, k) for gate in w.gates for k in range(w.hidden)]
    seen = {}
    for part, product in (("input", ("weight_ih", x)), ("hidden", ("weight_hh", s["h"]))):
        values = [w.times(product[0], gate, k, product[1]) for gate, k in rows]
        values = _normalized(values, w.parameters[f"gain_{part}"], w.parameters[f"shift_{part}"])
        for row, value in zip(rows, values, strict=True):
            seen[row] = seen.get(row, 0.0) + value
    hidden = range(w.hidden)
    c = [sigmoid(seen["f", k]) * s["c"][k] + sigmoid(seen["i", k]) * tanh(seen["g", k]) for k in hidden]
    shown = _normalized(c, w.parameters["gain_memory"], w.parameters["shift_memory"])
    return {"h": [sigmoid(seen["o", k]) * tanh(shown[k]) for k in hidden], "c": c}


def mogrifier_lstm(x, s, w):
    """Melis et al. 2020, equations 1 and 2: five rounds, then the LSTM; the input is W x + b."""
    hidden, rounds = range(w.hidden), ["x1", "h2", "x3", "h4", "x5"]
    below = [w.input("x", k, x, ["x"]) for k in hidden]
    h = s["h"]
    for name in rounds:
        seen, gated = (h, below) if name[0] == "x" else (below, h)
        gated = [2 * sigmoid(w.times("Q", name, k, seen, rounds)) * gated[k] for k in hidden]
        below, h = (gated, h) if name[0] == "x" else (below, gated)
    drive = {
        gate: [w.times("U", gate, k, below) + w.hidden_part(gate, k, h) for k in hidden] for gate in w.gates
    }
    c = [sigmoid(drive["f"][k]) * s["c"][k] + sigmoid(drive["i"][k]) * tanh(drive["g"][k]) for k in hidden]
    return {"h": [sigmoid(drive["o"][k]) * tanh(c[k]) for k in hidden], "c": c}


def slstm(x, s, w):
    """Beck et al. 2024, equations 8 to 17."""
    new = {"h": [], "c": [], "n": [], "m": []}
    for k in range(w.hidden):
        log_input, log_forget = w.drive("i", k, x, s["h"]), log(sigmoid(w.drive("f", k, x, s["h"])))
        m = max(log_forget + s["m"][k], log_input)
        i, f = exp(log_input - m), exp(log_forget + s["m"][k] - m)
        c = f * s["c"][k] + i * tanh(w.drive("z", k, x, s["h"]))
        n = f * s["n"][k] + i
        for name, value in {
            "h": sigmoid(w.drive("o", k, x, s["h"])) * (c / n),
            "c": c,
            "n": n,
            "m": m,
        }.items():
            new[name].append(value)
    return new


def mlstm(x, s, w):
    """Beck et al. 2024, equations 19 to 27, with the stabilizer of appendix A.2."""
    hidden, keys = range(w.hidden), w.hidden // w.heads
    heads = [range(first, first + keys) for first in range(0, w.hidden, keys)]
    q, k, v, o = ([w.input(gate, unit, x) for unit in hidden] for gate in "qkvo")
    k = [one / sqrt(keys) for one in k]
    new = {"h": [], "C": [], "n": [], "m": []}
    for number, units in enumerate(heads):

        def by_head(gate, number=number):
            row = "if".index(gate) * w.heads + number
            product = sum(a * b for a, b in zip(w.parameters["w"][row], x, strict=True))
            return product + (w.parameters["bias_w"][row] if "bias_w" in w.parameters else 0.0)

        log_input, log_forget = by_head("i"), log(sigmoid(by_head("f")))
        m = [max(log_forget + s["m"][unit], log_input) for unit in units]
        i = [exp(log_input - one) for one in m]
        f = [exp(log_forget + s["m"][unit] - one) for unit, one in zip(units, m, strict=True)]
        n = [a * s["n"][unit] + b * k[unit] for unit, a, b in zip(units, f, i, strict=True)]
        overlap = abs(sum(one * q[unit] for unit, one in zip(units, n, strict=True)))
        for place, unit in enumerate(units):
            old = s["C"][unit]
            row = [f[place] * old[j] + i[place] * v[unit] * k[key] for j, key in enumerate(units)]
            found = sum(one * q[key] for one, key in zip(row, units, strict=True))
            new["C"].append(row)
            new["h"].append(sigmoid(o[unit]) * found / max(overlap, exp(-m[place])))
        new["n"] += n
        new["m"] += m
    return new


def hgrn2(x, s, w):
    """Qin et al. 2024: the state is diag(f) S + (1 - f) i^T, read by a query; here rows are units."""
    keys = w.hidden // w.heads
    new = {"h": [], "S": []}
    for unit in range(w.hidden):
        first = unit // keys * keys
        f = [sigmoid(w.input("f", key, x)) for key in range(first, first + keys)]
        q = [one * sigmoid(one) for one in (w.input("q", key, x) for key in range(first, first + keys))]
        written = w.input("i", unit, x)
        row = [a * old + (1 - a) * written for a, old in zip(f, s["S"][unit], strict=True)]
        new["S"].append(row)
        new["h"].append(sum(a * b for a, b in zip(row, q, strict=True)))
    return new


def min_gru(x, s, w):
    """Feng et al. 2024, section 3.1."""
    update = [sigmoid(w.input("z", k, x)) for k in range(w.hidden)]
    return {"h": [(1 - z) * s["h"][k] + z * w.input("n", k, x) for k, z in enumerate(update)]}


def min_lstm(x, s, w):
    """Feng et al. 2024, section 3.2: both gates are divided by their sum."""
    h = []
    for k in range(w.hidden):
        f, i = sigmoid(w.input("k", k, x)), sigmoid(w.input("u", k, x))
        h.append((f * s["h"][k] + i * w.input("g", k, x)) / (f + i))
    return {"h": h}


def lru(x, s, w):
    """Orvieto et al. 2023, equations 2, 5 and 7, in complex numbers."""
    hidden, vectors = range(w.hidden), ["decay", "angle", "gain"]
    state = []
    for k in hidden:
        decay, angle, gain = (w.row("p", name, k, vectors) for name in vectors)
        eigenvalue = complex_exp(-exp(decay) + 1j * exp(angle))
        seen = complex(w.times("B", "re", k, x, ["re", "im"]), w.times("B", "im", k, x, ["re", "im"]))
        factor = gain * sqrt(1 - abs(eigenvalue) ** 2)
        state.append(eigenvalue * complex(s["re"][k], s["im"][k]) + factor * seen)
    re, im = [one.real for one in state], [one.imag for one in state]
    h = [
        w.times("C", "re", k, re, ["re", "im"]) - w.times("C", "im", k, im, ["re", "im"])
        + w.times("D", "h", k, x, ["h"])
        for k in hidden
    ]  # fmt: skip
    return {"h": h, "re": re, "im": im}


def rg_lru(x, s, w):
    """De et al. 2024, equations 1 to 4; the recurrent weight is sigmoid(-p), and the input is W x + b."""
    h = []
    for k in range(w.hidden):
        recurrence, gate = sigmoid(w.input("r", k, x)), sigmoid(w.input("i", k, x))
        a = sigmoid(-w.row("p", "a", k, ["a"])) ** (8 * recurrence)
        h.append(a * s["h"][k] + sqrt(1 - a**2) * gate * w.input("u", k, x))
    return {"h": h}


def sru(x, s, w):
    """Lei et al. 2018, equations 1 to 4; the highway passes W x + b."""
    h, c = [], []
    for k in range(w.hidden):
        f, r = (sigmoid(w.input(gate, k, x) + w.row("p", gate, k, "fr") * s["c"][k]) for gate in "fr")
        c.append(f * s["c"][k] + (1 - f) * w.input("g", k, x))
        h.append(r * c[k] + (1 - r) * w.input("h", k, x))
    return {"h": h, "c": c}


def qrnn(x, s, w):
    """Bradbury et al. 2017, equations 2 and 4: convolutions of width 2, fo-pooling."""
    new = {"h": [], "c": [], "e": [], "a": [], "k": []}
    for k in range(w.hidden):
        z = tanh(w.input("z", k, x) + s["e"][k])
        f, o = sigmoid(w.input("f", k, x) + s["a"][k]), sigmoid(w.input("o", k, x) + s["k"][k])
        c = f * s["c"][k] + (1 - f) * z
        passed = {name: w.times("V", gate, k, x) for name, gate in zip("eak", "zfo", strict=True)}
        for name, value in {"h": o * c, "c": c, **passed}.items():
            new[name].append(value)
    return new


def phased_lstm(x, s, w):
    """Neil et al. 2016, equations 6 to 12, a step of time apart; the leak is a bound from below."""
    vectors = ["period", "shift", "open", "i", "f", "o"]
    new = {"h": [], "c": [], "t": []}
    for k in range(w.hidden):
        row = {name: w.row("p", name, k, vectors) for name in vectors}
        t = (s["t"][k] + 1 / exp(row["period"])) % 1
        phase = (t - row["shift"]) % 1
        half = row["open"] / 2
        opened = phase / half if (phase < half) == (half > 0) else 2 - phase / half
        gate = max(opened, 0.001 * phase)
        i, f = (sigmoid(w.drive(name, k, x, s["h"]) + row[name] * s["c"][k]) for name in "if")
        proposed = f * s["c"][k] + i * tanh(w.drive("g", k, x, s["h"]))
        c = gate * proposed + (1 - gate) * s["c"][k]
        o = sigmoid(w.drive("o", k, x, s["h"]) + row["o"] * c)
        new["h"].append(gate * o * tanh(proposed) + (1 - gate) * s["h"][k])
        new["c"].append(c)
        new["t"].append(t)
    return new


def ind_rnn(x, s, w):
    """Li et al. 2018, equation 2."""
    return {"h": [max(0.0, w.input("h", k, x) + w.row("p", "h", k) * s["h"][k]) for k in range(w.hidden)]}


# By the cell's name: its formula, and the order in which its parameters hold the gates.
FORMULAS = {
    "RNN": (rnn, "h"),
    "ReluRNN": (relu_rnn, "h"),
    "LSTM": (lstm, "ifgo"),
    "LSTM1997": (lstm_1997, "igo"),
    "PeepholeLSTM": (peephole, "ifgo"),
    "FullPeepholeLSTM": (full_peephole, "ifgo"),
    "CoupledLSTM": (lambda x, s, w: peephole(x, s, w, coupled=True), "fgo"),
    "NoInputGateLSTM": (lambda x, s, w: peephole(x, s, w, i=False), "fgo"),
    "NoForgetGateLSTM": (lambda x, s, w: peephole(x, s, w, f=False), "igo"),
    "NoOutputGateLSTM": (lambda x, s, w: peephole(x, s, w, o=False), "ifg"),
    "NoInputActivationLSTM": (lambda x, s, w: peephole(x, s, w, g=same), "ifgo"),
    "NoOutputActivationLSTM": (lambda x, s, w: peephole(x, s, w, show=same), "ifgo"),
    "FullGateRecurrenceLSTM": (full_gate_recurrence, "ifgo"),
    "UseGateLSTM": (use_gate, "nifv"),
    "GRU": (gru, "rzn"),
    "ChoGRU": (cho_gru, "rzn"),
    "GRUD": (gru_d, "drzn"),
    "MGU": (mgu, "fg"),
    "LayerNormLSTM": (layer_norm_lstm, "ifgo"),
    "MogrifierLSTM": (mogrifier_lstm, "ifgo"),
    "SLSTM": (slstm, "ifzo"),
    "MLSTM": (mlstm, "qkvo"),
    "HGRN2": (hgrn2, "fiq"),
    "MinGRU": (min_gru, "zn"),
    "MinLSTM": (min_lstm, "kug"),
    "LRU": (lru, ""),
    "RGLRU": (rg_lru, "riu"),
    "SRU": (sru, "frgh"),
    "QRNN": (qrnn, "zfo"),
    "IndRNN": (ind_rnn, "h"),
    "PhasedLSTM": (phased_lstm, "ifgo"),
}


def run_along(name, inputs, parameters, states, hidden, heads=1):
    """Runs a formula along [T][I] inputs for one sequence; the states after each step."""
    formula, gates = FORMULAS[name]
    weights = Weights(parameters, hidden, list(gates), heads)
    history = []
    for x in inputs:
        states = formula(x, states, weights)
        history.append(states)
    return history
