"""S4: equal to its own recurrence, pure, and the original's numbers."""

import copy

import numpy as np
import pytest
import torch
from golden_formula import apply_to_module, normal_input
from recordings import assert_recorded
from repository import load_golden
from torch import nn

from mug.errors import ConfigError
from mug.model.s4 import S4, NPLRKernel, bind_lengths
from mug.model.s4_kernel import hippo_legs

T = 48


def layer(kernel_sum="half", **options) -> S4:
    """The layer of recording s4_alone."""
    holder = nn.ModuleDict({"s4_model": S4(32, kernel_sum=kernel_sum, **options)})
    return apply_to_module(holder)["s4_model"]


def kernel(kernel_sum="conjugate", features=3, states=8, dtype=torch.float64) -> NPLRKernel:
    torch.manual_seed(3)
    return NPLRKernel(features, states, 2, kernel_sum).to(dtype)


def recurrence(module: NPLRKernel, length: int) -> torch.Tensor:
    """Impulse response C dA^k dB of the full system, by stepping, from explicit matrices."""
    w, B, P, C, dt = module.system()
    out = torch.zeros(C.shape[0], len(dt), length, dtype=dt.dtype)
    for h in range(len(dt)):
        full = [torch.cat([z[..., h, :], z[..., h, :].conj()], dim=-1) for z in (w, B, P, C)]
        lam, b, p, c = full
        A = torch.diag(lam) - torch.outer(p, p.conj())
        eye = torch.eye(len(lam), dtype=A.dtype)
        left = torch.linalg.inv(eye - dt[h] / 2 * A)
        dA, state = left @ (eye + dt[h] / 2 * A), left @ (dt[h] * b)
        for k in range(length):
            out[:, h, k] = (c @ state).real
            state = dA @ state
    return out


@pytest.mark.parametrize("length", [1, 2, 7, 16, 33])
def test_conjugate_kernel_is_the_impulse_response_of_its_recurrence(length):
    module = kernel()
    with torch.no_grad():
        assert torch.allclose(module(length), recurrence(module, length), atol=1e-10)


def test_half_kernel_is_not():
    module = kernel("half")
    with torch.no_grad():
        assert (module(16) - recurrence(module, 16)).abs().max() > 0.01


def test_long_kernel_in_single_precision():
    module = kernel(features=8, states=64, dtype=torch.float32)
    with torch.no_grad():
        ours, exact = module(700), copy.deepcopy(module).double()(700)
    assert (ours - exact).abs().max() < 2e-5 * exact.abs().max()


@pytest.mark.parametrize(("length", "real"), [(6, {0, 3}), (7, {0})])
def test_spectrum_is_made_a_real_signal_s(length, real, monkeypatch):
    """What a device's library does with other imaginary parts is undefined."""
    seen = []
    inverse = torch.fft.irfft
    monkeypatch.setattr(torch.fft, "irfft", lambda x, n: seen.append(x) or inverse(x, n=n))
    with torch.no_grad():
        kernel("half")(length)
    assert {int(i) for i in (seen[0].imag == 0).all(0).all(0).nonzero()} == real


def test_layer_is_the_convolution_with_its_kernel():
    torch.manual_seed(0)
    for bidirectional in (False, True):
        module = S4(3, 8, bidirectional).double()
        u = torch.randn(2, 3, 9, dtype=torch.float64)
        with torch.no_grad():
            k = module.kernel["kernel"](9)
            y = module.D[0, :, None] * u
            for t in range(9):
                for source in range(9):
                    if source <= t:
                        y[:, :, t] += k[0, :, t - source] * u[:, :, source]
                    elif bidirectional:
                        y[:, :, t] += k[1, :, source - t - 1] * u[:, :, source]
            expected = module.output_linear(nn.functional.gelu(y))
            assert torch.allclose(module(u), expected, atol=1e-12)


def test_recorded_layer():
    with torch.no_grad():
        out = layer()(torch.from_numpy(normal_input("s4alone", (2, 32, T))))
    assert_recorded(out, "s4_alone", "out")


def test_recorded_kernels_and_rewritten_output_matrix():
    with torch.no_grad():
        assert_recorded(layer("half").kernel["kernel"](T), "s4_kernel", "half")
        ours = layer("conjugate").kernel["kernel"](T)
    assert_recorded(ours, "s4_kernel", "conj")
    assert_recorded(ours, "s4_kernel", "recurrent", noise=8e-6)
    bound = layer()
    bound.bind_length(T)
    assert_recorded(bound.kernel["kernel"].C, "s4_kernel", "C_after", noise=1e-6)


@pytest.mark.parametrize("kernel_sum", ["half", "conjugate"])
def test_bound_layer_gives_the_same_at_its_length(kernel_sum):
    plain, bound = kernel(kernel_sum), kernel(kernel_sum)
    bound.bind_length(20)
    assert int(bound.L) == 20
    assert not torch.equal(plain.C, bound.C)
    with torch.no_grad():
        assert torch.allclose(plain(20), bound(20), atol=1e-12)
        shorter = (plain(11) - bound(11)).abs().max()
    # With the half sum the kernel depends on L: that is the original's arithmetic (B1).
    assert (shorter < 1e-12) == (kernel_sum == "conjugate")


def test_length_beyond_the_bound_doubles_for_this_call():
    for length, reach in ((21, 40), (40, 40), (41, 80), (90, 160)):
        functional, rewritten = kernel("half"), kernel("half")
        functional.bind_length(20), rewritten.bind_length(20)
        rewritten.bind_length(length)
        assert int(rewritten.L) == reach
        with torch.no_grad():
            assert torch.allclose(functional(length), rewritten(length), atol=1e-12)
        assert int(functional.L) == 20


def test_binding_to_a_shorter_length_does_nothing():
    module = kernel()
    module.bind_length(20)
    before = copy.deepcopy(module.state_dict())
    module.bind_length(20), module.bind_length(3)
    assert all(torch.equal(before[key], value) for key, value in module.state_dict().items())


@pytest.mark.parametrize("bound", [0, 16])
@pytest.mark.parametrize("grad", [False, True])
def test_forward_changes_nothing_and_forgets_earlier_lengths(bound, grad):
    module = layer()
    if bound:
        module.bind_length(bound)
    before = copy.deepcopy(module.state_dict())
    inputs = {t: torch.from_numpy(normal_input(f"in{t}", (1, 32, t))) for t in (24, 9, 40)}
    with torch.set_grad_enabled(grad):
        first = {t: module(u) for t, u in inputs.items()}
        again = {t: module(inputs[t]) for t in (40, 24, 9)}
    assert all(torch.equal(first[t], again[t]) for t in inputs)
    after = module.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)


def test_cached_kernel_follows_every_way_of_changing_a_parameter():
    module = kernel()
    with torch.no_grad():
        first = module(12)
        assert module(12) is first
        for change in ("data", "step", "load", "bound"):
            if change == "data":
                module.w_imag.data.mul_(1.01)  # not seen by version counters
            elif change == "step":
                module.log_dt.add_(0.01)
            elif change == "load":
                module.load_state_dict({k: v.clone() for k, v in kernel().state_dict().items()})
            else:
                module.L.fill_(12)
            fresh = copy.deepcopy(module)
            fresh._last = None
            assert torch.equal(module(12), fresh(12)), change
            assert not torch.equal(module(12), first) or change == "load", change


def test_cached_inference_kernel_does_not_reach_training():
    module = S4(4, 8)
    with torch.inference_mode():
        module(torch.ones(1, 4, 6))
    module(torch.ones(1, 4, 6)).sum().backward()
    assert all(p.grad is not None for p in module.parameters())


@pytest.mark.parametrize("bound", [0, 3, 6])
@pytest.mark.parametrize("kernel_sum", ["half", "conjugate"])
def test_gradients(bound, kernel_sum):
    torch.manual_seed(1)
    module = S4(2, 4, kernel_sum=kernel_sum).double()
    if bound:
        module.bind_length(bound)
    names = [name for name, _ in module.named_parameters()]
    u = torch.randn(1, 2, 6, dtype=torch.float64, requires_grad=True)

    def run(u, *values):
        return torch.func.functional_call(module, dict(zip(names, values, strict=True)), (u,))

    values = [p.detach().clone().requires_grad_() for p in module.parameters()]
    assert torch.autograd.gradcheck(run, (u, *values))


def test_state_dict_names_shapes_and_order():
    meta, _ = load_golden("s4_alone")
    ours = [[f"s4_model.{key}", list(value.shape)] for key, value in S4(32).state_dict().items()]
    assert ours == meta["state_keys"]
    assert S4(32).state_dict()["kernel.kernel.L"].dtype == torch.int64
    assert sum(p.numel() for p in S4(32).parameters()) == meta["n_params"]


def test_dynamics_are_marked_against_weight_decay():
    marked = {name for name, p in S4(4).named_parameters() if getattr(p, "_no_weight_decay", False)}
    dynamics = {f"kernel.kernel.{n}" for n in ("log_dt", "B", "P", "inv_w_real", "w_imag")}
    assert marked == dynamics | {"D"}


def test_initial_system_is_hippo():
    w, b, p = hippo_legs(64)
    V_free = np.concatenate([b, b.conj()]) @ np.concatenate([p, p.conj()]).conj()
    n = np.arange(64)
    assert np.isclose(V_free, np.sqrt(2 * n + 1) @ np.sqrt(n + 0.5))  # b'p is basis-free
    assert np.allclose(w.real, -0.5)
    assert np.isclose(w.imag[0], -1303.0, atol=1)
    assert np.isclose(w.imag[-1], -0.264, atol=1e-3)
    # eigenvalues of A itself: the lower-triangular HiPPO matrix has -1 ... -64 on its diagonal
    small, _, q = hippo_legs(8)
    lam, low = np.concatenate([small, small.conj()]), np.concatenate([q, q.conj()])
    eigenvalues = np.linalg.eigvals(np.diag(lam) - np.outer(low, low.conj()))
    assert np.allclose(sorted(eigenvalues.real), -np.arange(8, 0, -1), atol=1e-6)
    module = S4(5).kernel["kernel"]
    assert torch.all((module.log_dt.exp() >= 0.001) & (module.log_dt.exp() <= 0.1))
    assert torch.allclose(module.system().w.real, torch.tensor(-0.5))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_keeps_the_system_in_single_precision(dtype, monkeypatch):
    module, states, inverse = layer(), [], torch.fft.irfft

    def spy(x, n):
        states.append(torch.is_autocast_enabled("cpu"))
        return inverse(x, n=n)

    monkeypatch.setattr(torch.fft, "irfft", spy)
    u = torch.from_numpy(normal_input("s4alone", (2, 32, T)))
    inner = {}
    module.output_linear.register_forward_pre_hook(lambda m, a: inner.__setitem__("y", a[0]))
    with torch.no_grad():
        exact = module(u), inner["y"]
        with torch.autocast("cpu", dtype=dtype):
            rough = module(u), inner["y"]
    assert states
    assert not any(states)
    assert torch.equal(exact[1], rough[1])
    assert rough[0].dtype == dtype
    assert (exact[0] - rough[0]).abs().max() < 0.05
    half = copy.deepcopy(module).to(dtype)
    with torch.no_grad():
        assert half(u.to(dtype)).isfinite().all()


def test_bind_lengths_finds_each_layer_s_length_and_leaves_modes_alone():
    network = nn.Sequential(S4(4, 8), nn.Dropout(0.5), nn.AvgPool1d(2), S4(4, 8))
    network[3].eval()
    modes = [module.training for module in network.modules()]
    state = torch.get_rng_state()
    bind_lengths(network, torch.zeros(1, 4, 10))
    assert [int(network[i].kernel["kernel"].L) for i in (0, 3)] == [10, 5]
    assert modes == [module.training for module in network.modules()]
    assert torch.equal(state, torch.get_rng_state())
    network(torch.zeros(1, 4, 20))
    assert int(network[0].kernel["kernel"].L) == 10


def test_unknown_kernel_sum_is_refused():
    with pytest.raises(ConfigError, match="kernel_sum"):
        S4(4, kernel_sum="both")
