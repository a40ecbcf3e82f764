"""`gatewise.quantize`: what it replaces, how near the results are, and what it refuses."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations
from torch.nn.utils.rnn import pack_sequence

import gatewise
from gatewise.cells import GRUD, cells
from gatewise.engine.constants import for_kernels
from gatewise.errors import GatewiseError
from gatewise.modules.gap_inputs import DecayingRecurrent

LAYERS = {
    "lstm": lambda: gatewise.LSTM(5, 17, num_layers=2, bidirectional=True),
    "batch first": lambda: gatewise.GRU(5, 17, batch_first=True, bias=False),
    "projected": lambda: gatewise.LSTM(5, 17, proj_size=7),
    "sizes": lambda: gatewise.Recurrent(cells()["ChoGRU"], 5, [17, 9], skip=True),
    "zoneout": lambda: gatewise.LSTM(5, 17, zoneout={"c": 0.2}, variational_dropout=0.5),
    "mogrifier": lambda: gatewise.Recurrent(cells()["MogrifierLSTM"], 5, 17),
    "gru-d": lambda: DecayingRecurrent(GRUD, 6, 17, 2),
    "lattice": lambda: gatewise.MDLSTM(5, 17, directions="all", combine="sum"),
    "grid": lambda: gatewise.GridLSTM(5, 17, depth=2, untied={1: 3}),
    "vectors": lambda: gatewise.GridLSTM(5, 17, depth=2, axes=0),
    "cell": lambda: gatewise.LSTMCell(5, 17),
}
NEAR = 0.03  # of a layer's output: weights and activations are off by up to 0.4% of the largest of their row


class Net(nn.Module):
    """A network of some layers, one of PyTorch among them."""

    def __init__(self, channels=3, hidden=24, classes=3):
        super().__init__()
        self.into = nn.Linear(channels, hidden)
        self.below = gatewise.LSTM(hidden, hidden, batch_first=True)
        self.plain = nn.GRU(hidden, hidden, batch_first=True)
        self.above = nn.ModuleDict({"lstm": gatewise.LSTM(hidden, hidden, batch_first=True)})
        self.head = nn.Linear(hidden, classes)

    def forward(self, values):
        seen, _ = self.plain(self.below(self.into(values))[0])
        return self.head(self.above["lstm"](seen)[0][:, -1])


@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
def test_each_layer_stays_near_its_float32_self(make):
    layer = make()
    with gatewise.backend("reference"):
        small = gatewise.quantize(layer)
    (report,) = small.quantization.layers
    assert report.error < NEAR
    assert report.after < report.before / 2  # small layers have many biases and scales
    assert str(small.quantization).startswith(f"{type(layer).__name__}: ")
    assert type(small) is type(layer)
    assert "is_int8=True" in repr(small)
    assert not list(small.parameters()) or isinstance(layer, gatewise.GridLSTM)  # its projection of the input
    matrices = [one for one in small.buffers() if one.dtype == torch.int8]
    assert len(matrices) == sum(one.dim() == 2 for one in layer.parameters()) - hasattr(layer, "projection")


def test_a_network_keeps_its_other_modules():
    net, x = Net(), torch.randn(4, 9, 3)
    net.head.train(False)
    before, modes = copy.deepcopy(net.state_dict()), [one.training for one in net.modules()]
    random = torch.get_rng_state()
    small = gatewise.quantize(net, example=x)
    assert torch.equal(torch.get_rng_state(), random)
    assert [one.name for one in small.quantization.layers] == ["below", "above.lstm"]
    assert all(one.error < NEAR for one in small.quantization.layers)
    assert 0 < small.quantization.error < NEAR
    assert "example" in str(small.quantization)
    assert type(small.plain) is nn.GRU
    assert not any(one.requires_grad for one in small.parameters())
    assert [one.training for one in net.modules()] == modes
    assert all(torch.equal(values, net.state_dict()[name]) for name, values in before.items())
    net(x).sum().backward()  # it still trains
    assert not small(x).requires_grad


def test_weights_are_rounded_row_by_row():
    layer = gatewise.LSTM(5, 17)
    with torch.no_grad():
        layer.weight_ih_l0[3] *= 1000
        layer.weight_ih_l0[4] = 0
    small = gatewise.quantize(layer)
    again = small.weight_ih_l0 * small.weight_ih_l0_scale[:, None]
    bound = layer.weight_ih_l0.abs().amax(1, keepdim=True) / 254
    assert ((again - layer.weight_ih_l0).abs() <= bound * (1 + 1e-5)).all()
    assert small.weight_ih_l0_scale[4] == 0
    assert torch.equal(small.bias_ih_l0, layer.bias_ih_l0)


def test_a_state_dict_holds_integers_and_loads(tmp_path):
    first, second = (gatewise.quantize(gatewise.LSTM(5, 17, num_layers=2)) for _ in range(2))
    x = torch.randn(7, 3, 5)
    assert not torch.equal(first(x)[0], second(x)[0])
    torch.save(first.state_dict(), tmp_path / "weights.pt")
    second.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    assert torch.equal(first(x)[0], second(x)[0])  # packed anew
    with pytest.raises(RuntimeError, match="weight_ih_l0_scale"):
        gatewise.LSTM(5, 17, num_layers=2).load_state_dict(first.state_dict())


@pytest.mark.parametrize("backend", ["native", "reference"])
def test_steps_are_those_of_the_sequence(backend):
    small = gatewise.quantize(gatewise.LSTM(5, 17, num_layers=2, residual=True))
    x = torch.randn(7, 3, 5)
    with gatewise.backend(backend):
        stepper = small.stepper(batch=3)
        outputs = torch.stack([stepper.step(row) for row in x])
        expected, (_, c) = small(x)
    assert torch.equal(outputs, expected)
    assert torch.equal(stepper.state[1], c)


def test_every_form_of_a_batch():
    small = gatewise.quantize(gatewise.LSTM(5, 17, bidirectional=True))
    rows = [torch.randn(steps, 5) for steps in (4, 2, 1)]
    packed = small(pack_sequence(rows))[0]
    padded = torch.nn.utils.rnn.pad_sequence(rows)
    output, _, traces = small(padded, lengths=[4, 2, 1], trace=True)
    for sample, row in enumerate(rows):
        torch.testing.assert_close(output[: len(row), sample], small(row)[0], rtol=1e-5, atol=1e-6)
    assert torch.equal(torch.nn.utils.rnn.pad_packed_sequence(packed)[0], output)
    assert traces[0].gates["f"].shape == (4, 3, 17)


def test_a_graph_is_that_of_the_reference():
    small, x = gatewise.quantize(gatewise.LSTM(5, 17)), torch.randn(4, 3, 5)
    with gatewise.backend("reference"):
        expected = small(x)[0]
    graph = torch.export.export(small, (x,))
    torch.testing.assert_close(graph.module()(x)[0], expected, rtol=1e-5, atol=1e-6)


def trained(net, loss, batches, rate):
    optimizer = torch.optim.Adam(net.parameters(), rate)
    for values, target in batches:
        optimizer.zero_grad()
        loss(net(values), target).backward()
        optimizer.step()
    return net


def waves(count):
    """Noisy waves of three shapes and random phase, and the number of the shape."""
    label = torch.randint(3, (count,))
    phase = torch.linspace(0, 12, 24) + torch.rand(count, 1)
    shapes = torch.stack([phase.sin(), phase.sin().sign() * 0.7, (phase % 6.28) / 3.14 - 1])
    return (shapes[label, torch.arange(count)] + 0.5 * torch.randn(count, 24))[..., None], label


def test_a_classifier_is_as_accurate():
    net = trained(Net(1, 16), nn.functional.cross_entropy, (waves(48) for _ in range(60)), 0.02)
    small = gatewise.quantize(net, example=waves(64)[0])
    values, label = waves(1000)
    with torch.no_grad():
        theirs, ours = net(values).argmax(1), small(values).argmax(1)
    accuracy = float((theirs == label).float().mean())
    assert 0.55 < accuracy < 0.95  # a third by chance; where noise decides, differences show
    assert abs(float((ours == label).float().mean()) - accuracy) <= 0.01
    assert (ours == theirs).float().mean() > 0.98


def seasons(count):
    """Noisy seasons of 24 steps from a random phase, and the next value."""
    phase = torch.arange(25) * 0.9 + 7 * torch.rand(count, 1)
    values = phase.sin() + 0.5 * (2.3 * phase).cos() + 0.1 * torch.randn(count, 25)
    return values[:, :24, None], values[:, 24:]


def test_a_forecaster_is_as_accurate():
    net = trained(Net(1, 16, 1), nn.functional.mse_loss, (seasons(48) for _ in range(60)), 0.02)
    small = gatewise.quantize(net)
    values, target = seasons(1000)
    with torch.no_grad():
        theirs, ours = (one(values).sub(target).square().mean().sqrt() for one in (net, small))
    assert theirs < 0.4  # the standard deviation is 0.8, that of the noise 0.1
    assert ours < 1.02 * theirs


def test_mistakes_are_refused_in_one_line():
    small = gatewise.quantize(gatewise.LSTM(5, 17))
    x = torch.randn(4, 3, 5)
    wrong = gatewise.LSTM(5, 17)
    with torch.no_grad():
        wrong.weight_hh_l0[0, 0] = torch.nan
    double = gatewise.LSTM(5, 17).double()
    parametrized = parametrizations.weight_norm(gatewise.LSTM(5, 17), "weight_hh_l0")
    named = nn.ModuleDict({"encoder": gatewise.LSTM(5, 17).half()})
    for call, message in (
        (lambda: small.train(), "LSTM has int8 weights, for inference only"),
        (lambda: nn.Sequential(small).train(), "LSTM has int8 weights"),
        (lambda: small.reset_parameters(), "LSTM has int8 weights"),
        (lambda: small(x.requires_grad_()), "computes no gradient, and input requires one"),
        (lambda: small(x.detach().double()), "expected input of dtype torch.float32, .* got torch.float64"),
        (lambda: copy.deepcopy(small).double()(x.detach().double()), "needs input as torch.float32"),
        (lambda: gatewise.quantize(small), "LSTM has no layer to quantize"),
        (lambda: gatewise.quantize(nn.LSTM(5, 17)), "LSTM has no layer to quantize: such layers are"),
        (lambda: gatewise.quantize("model"), "expected a module to quantize, got str"),
        (lambda: gatewise.quantize(double), "weight_ih_l0 as float32, got torch.float64; convert it"),
        (lambda: gatewise.quantize(gatewise.LSTM(5, 17, device="meta")), "on the CPU, got meta; move it"),
        (lambda: gatewise.quantize(named), "encoder: expected LSTM.weight_ih_l0 as float32, got .*float16"),
        (lambda: gatewise.quantize(wrong), "LSTM.weight_hh_l0 has values that are not finite"),
        (lambda: gatewise.quantize(parametrized), "weight_hh_l0 is computed from other parameters"),
    ):
        with pytest.raises(GatewiseError, match=message) as refused:
            call()
        assert "\n" not in str(refused.value)
    with torch.autocast("cpu", torch.bfloat16), pytest.raises(GatewiseError, match=r"got torch\.bfloat16"):
        small(x.detach().bfloat16())


def test_a_cell_with_functions_of_its_parameters_has_int8_weights():
    layer = gatewise.Recurrent(cells()["RGLRU"], 5, 8)
    layer.to_int8()
    request = layer._request(0, torch.zeros(1, 1, 5), {"h": torch.zeros(1, 8)})
    assert for_kernels(request).is_int8
