"""Linear recurrent units: the step is linear in the state, and each unit reads no other."""

from gatewise.cells.base import Cell
from gatewise.cells.notation import (
    W,
    cos,
    exp,
    keys,
    log,
    matrices,
    maximum,
    outer,
    p,
    position,
    prev,
    sigmoid,
    sin,
    softplus,
    sqrt,
    uniform,
    x,
)

B, C, D = matrices("B"), matrices("C"), matrices("D")

SHORTEST, LONGEST = 0.9, 0.999  # the carried fraction of a step, initially
SMALLEST = 1e-12  # below a square root: where a fraction is rounded to 1, the gradient of a root of 0 is NaN


class LRU(Cell):
    """Linear recurrent unit: complex numbers that turn and decay, in real and imaginary parts."""

    source = "Orvieto et al. 2023, Resurrecting recurrent neural networks for long sequences"
    state = ("h", "re", "im")
    initial_vectors = {
        p.decay: log(-0.5 * log(SHORTEST**2 + (LONGEST**2 - SHORTEST**2) * uniform)),  # uniform on the ring
        p.angle: log(6.28 * uniform),
        p.gain: 1.0,
    }

    a = exp(-exp(p.decay))  # the modulus of the eigenvalue
    u = a * cos(exp(p.angle))  # its real part
    v = a * sin(exp(p.angle))  # its imaginary part
    g = p.gain * sqrt(maximum(1 - a * a, SMALLEST))  # the factor that keeps states of one size
    re = u * prev.re - v * prev.im + g * (B.re @ x)
    im = v * prev.re + u * prev.im + g * (B.im @ x)
    h = C.re @ re - C.im @ im + D.h @ x


class RGLRU(Cell):
    """Real-gated linear recurrent unit, the recurrence of Griffin and Hawk."""

    source = "De et al. 2024, Griffin: Mixing gated linear recurrences with local attention"
    state = ("h",)
    # exp(-8 softplus(p.a)), the carried fraction where r is 1, is uniform
    initial_vectors = {p.a: log(exp(-0.125 * log(SHORTEST + (LONGEST - SHORTEST) * uniform)) - 1)}
    gates = ("a",)

    r = sigmoid(W.r @ x)  # recurrence: how fast to forget
    i = sigmoid(W.i @ x)  # input
    a = exp(-8 * softplus(p.a) * r)  # the carried fraction
    h = a * prev.h + sqrt(maximum(1 - a * a, SMALLEST)) * (i * (W.u @ x))


class HGRN2(Cell):
    """Gated linear recurrence with a matrix memory: what its keys forget is what they write."""

    source = "Qin et al. 2024, HGRN2: Gated linear RNNs with state expansion"
    state = ("h", "S")
    initial_bias = {"f": 3 + 3 * position}

    f = sigmoid(W.f @ x)  # forget, for each key
    i = W.i @ x  # the value that is written
    a = W.q @ x
    q = a * sigmoid(a)  # the query
    S = keys(f) * prev.S + outer(i, 1 - f)
    h = S @ q
