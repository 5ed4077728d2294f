"""Turns a PyTorch module of linear layers into a native network, which trains faster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ... import registry
from ...errors import UsageError

if TYPE_CHECKING:
    from torch.nn import Module

Named = str | dict[str, Any]  # an activation by name, or a table with options

_ACTIVATIONS: Mapping[str, Callable[[Any], Named | None]] = {  # None: another function
    "ELU": lambda one: {"kind": "elu", "alpha": float(one.alpha)},
    "GELU": lambda one: "gelu" if one.approximate == "none" else "gelu_tanh",
    "Hardtanh": lambda one: "hard_tanh" if (one.min_val, one.max_val) == (-1, 1) else None,
    "Identity": lambda one: "identity",
    "LeakyReLU": lambda one: {"kind": "leaky_relu", "slope": float(one.negative_slope)},
    "Mish": lambda one: "mish",
    "ReLU": lambda one: "relu",
    "ReLU6": lambda one: "relu6",
    "SELU": lambda one: "selu",
    "SiLU": lambda one: "silu",
    "Sigmoid": lambda one: "sigmoid",
    "Softmax": lambda one: "softmax" if one.dim in (1, -1) else None,
    "Softplus": lambda one: "softplus" if one.beta == 1 else None,
    "Softsign": lambda one: "softsign",
    "Tanh": lambda one: "tanh",
}


def from_torch(module: Module, loss: str = "mean_squared_error") -> dict[str, dict[str, Any]]:
    """The tables [problem] and [init] of a native network that equals a PyTorch module.

    Add data and the other tables of a sweep. The native network needs no PyTorch and no permission
    to run code, and it trains several times as fast as `kind = "torch"`.

    Parameters
    ----------
    module
        An `nn.Sequential` of `nn.Linear` layers and activations. Layers without effect, such as
        dropout in eval mode, are left out.
    loss
        A loss of gdbatch. If it needs outputs of its own, such as softmax for cross_entropy, the
        module ends with scores or with that activation.

    Raises UsageError, which names what has no native counterpart.

    Examples
    --------
    ::

        tables = gdbatch.from_torch(model, loss="cross_entropy")
        tables["problem"] |= {"data": "flowers.csv", "target": "species"}
        gdbatch.run_sweep({"name": "flowers", **tables, "train": …, "axes": …})
    """
    parts = [(path, one) for path, one in _parts(module, "") if not _has_no_effect(one)]
    units: list[int] = []
    activations: list[Named] = []
    values: list[float] = []
    biases = set()
    follows_linear = False
    for path, part in parts:
        kind = type(part).__name__
        if kind == "Linear":
            if follows_linear:
                activations.append("identity")
            if units and part.in_features != units[-1]:
                raise UsageError(f'{kind} ("{path}") does not fit the layer before it')
            units = units or [part.in_features]
            units.append(part.out_features)
            values += part.weight.detach().double().T.reshape(-1).tolist()
            if part.bias is not None:
                values += part.bias.detach().double().tolist()
            biases.add(part.bias is not None)
        elif kind in _ACTIVATIONS and follows_linear:
            activations.append(_native(path, part))
        else:
            raise UsageError(_refusal(path, kind, bool(units)))
        follows_linear = kind == "Linear"
    if not units:
        raise UsageError("the module has no nn.Linear layer")
    if len(biases) > 1:
        raise UsageError("some nn.Linear layers have biases and others have none; give all or none")
    if follows_linear:
        activations.append(_output_of(loss))
    problem = {
        "kind": "network",
        "layers": units,
        "activation": activations,
        "bias": biases.pop(),
        "loss": loss,
    }
    return {"problem": problem, "init": {"kind": "point", "values": values}}


def _parts(module: Any, path: str) -> Iterator[tuple[str, Any]]:
    """The parts of nested `nn.Sequential` modules, in order, with their paths."""
    if type(module).__name__ != "Sequential":
        yield path, module
        return
    for name, child in module.named_children():
        yield from _parts(child, f"{path}.{name}" if path else name)


def _has_no_effect(part: Any) -> bool:
    """Whether a part returns samples (samples, features) as they are."""
    if type(part).__name__ == "Dropout":
        return not part.training or part.p == 0
    return type(part).__name__ == "Flatten" and part.start_dim == 1


def _native(path: str, part: Any) -> Named:
    """The activation of gdbatch."""
    native = _ACTIVATIONS[type(part).__name__](part)
    if native is None:
        raise UsageError(f'{part} ("{path}") has other options than the activation of gdbatch')
    return native


def _output_of(loss: str) -> str:
    """The activation of outputs that the module leaves as scores."""
    try:
        needed = registry.get("loss", loss).output_activation
    except KeyError as error:
        raise UsageError(error.args[0]) from None
    return "identity" if needed is None else registry.name_of("activation", needed)


def _refusal(path: str, kind: str, begun: bool) -> str:
    where = f' ("{path}")' if path else ""
    if kind in _ACTIVATIONS:
        what = "follows another activation" if begun else "is before the first nn.Linear"
        return f"{kind}{where} {what}, which networks of gdbatch do not have"
    known = ", ".join(sorted(_ACTIVATIONS))
    return (
        f"{kind}{where} has no native counterpart; only nn.Sequential of Linear and {known} has. "
        'Train it with [problem] kind = "torch"'
    )
