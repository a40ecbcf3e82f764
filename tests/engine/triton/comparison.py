"""A request on the Triton backend, in the interpreter, against the reference in float64."""

from dataclasses import replace

import torch

from gatewise.engine.reference import Reference
from gatewise.engine.triton.backend import Triton
from tests.engine import test_native


def doubled(request):
    """The same request in float64."""

    def double(value):
        if isinstance(value, dict):
            return {name: double(one) for name, one in value.items()}
        if not isinstance(value, torch.Tensor) or not value.is_floating_point():
            return value
        return value.detach().double().requires_grad_(value.requires_grad)

    return replace(request, **{name: double(value) for name, value in vars(request).items()})


def assert_same(request, tolerance=2e-6, chosen=None, results=test_native.results):
    """Outputs, states and gradients, relative to the largest number of each.

    results: of a backend and a request
    """
    chosen = chosen or Triton("cpu")
    assert chosen.refusal(request) is None
    exact = results(Reference(), doubled(request))
    for ours, theirs in zip(results(chosen, request), exact, strict=True):
        scale = 1 + theirs.abs().max() if theirs.numel() else 1
        torch.testing.assert_close(ours.double() / scale, theirs / scale, rtol=0, atol=tolerance)


def assert_compiles(layer, values):
    """A compiled layer, without a break, has the outputs and gradients of the layer itself."""
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    found = []
    for run in (compiled, layer):
        output = run(values)[0]
        found.append([output, *torch.autograd.grad(output.square().sum(), [values, *layer.parameters()])])
    torch.testing.assert_close(*found)
