"""What a PyTorch module must be to be trained over lanes, and the messages if it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...errors import IngredientError

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

    from .models import ModelOptions


def expect_trainable(module: Module, name: str) -> None:
    """Raises IngredientError about layers that keep state or draw random numbers in training."""
    from torch import nn
    from torch.nn.modules.batchnorm import _BatchNorm
    from torch.nn.modules.dropout import _DropoutNd

    for path, part in module.named_modules():
        if not part.training:
            continue
        what = f"{name}: {type(part).__name__}" + (f' ("{path}")' if path else "")
        if isinstance(part, _BatchNorm) and part.track_running_stats:
            raise IngredientError(
                f"{what} updates its running statistics in place, which lanes cannot carry; use "
                "LayerNorm or GroupNorm, or BatchNorm with track_running_stats=False",
                "object",
            )
        drops = isinstance(part, _DropoutNd | nn.AlphaDropout) and part.p > 0
        recurrent = isinstance(part, nn.RNNBase) and part.dropout > 0
        if drops or recurrent:
            raise IngredientError(
                f"{what} is in train mode and would draw random numbers at every update; remove "
                "it, set p=0, or return module.eval()",
                "object",
            )
        if isinstance(part, nn.modules.lazy.LazyModuleMixin) and part.has_uninitialized_params():
            message = f"{what} has no shape before its first use; give it its number of inputs"
            raise IngredientError(message, "object")


def reset(module: Module, name: str) -> None:
    """Draw new parameters for a module; raises IngredientError if a part of it cannot."""
    for path, part in module.named_modules():
        draw = getattr(part, "reset_parameters", None)
        if callable(draw):
            draw()
        elif any(one.requires_grad for one in part.parameters(recurse=False)):
            where = f' ("{path}")' if path else ""
            raise IngredientError(
                f"{name} is a module, whose {type(part).__name__}{where} has no "
                "reset_parameters(), so it cannot be drawn anew for every seed; give its class, "
                "or a function that returns a new module",
                "kind",
            )


def expect_outputs(outputs: Any, targets: Tensor, options: ModelOptions) -> None:
    """Raises IngredientError unless outputs have the shape that a named loss needs."""
    import torch

    where = f"{options.file}: {options.object}"
    if not isinstance(outputs, torch.Tensor):
        raise IngredientError(
            f"{where} returns an object of type {type(outputs).__name__}; return one tensor with "
            "the outputs of all samples",
            "object",
        )
    if outputs.shape == targets.shape:
        return
    shapes = f"{where} gives outputs of shape {tuple(outputs.shape)} for targets of shape "
    shapes += f"{tuple(targets.shape)}"
    known = options.named_loss
    if known is not None and known.one_output_per_class and outputs.dim() == 2:
        hint = f"{options.loss} needs one output per class: {targets.shape[1]}"
    elif outputs.dim() == 1 and targets.shape == (len(outputs), 1):
        hint = "outputs need a second axis, so do not squeeze them"
    else:
        hint = "the last layer needs as many outputs as there are targets"
    raise IngredientError(f"{shapes}; {hint}", "object")


def expect_one_number(result: Any, what: str, file: str) -> None:
    """Raises IngredientError unless a loss is a tensor of one number."""
    import torch

    if isinstance(result, torch.Tensor) and result.dim() == 0:
        return
    if result is None:
        found = "nothing"
    elif isinstance(result, torch.Tensor):
        found = f"a tensor of shape {tuple(result.shape)}"
    else:
        found = f"an object of type {type(result).__name__}"
    raise IngredientError(
        f"{file}: {what} returns {found}; return one number, such as the mean over samples", "loss"
    )


def expect_unchanged(module: Module, before: dict[str, Tensor], name: str) -> None:
    """Raises IngredientError about a buffer that a forward pass changed."""
    import torch

    for key, buffer in module.named_buffers():
        if key not in before or not torch.equal(buffer, before[key]):
            raise IngredientError(
                f'{name} changes its buffer "{key}" in the forward pass, which lanes cannot carry; '
                "make it constant, or a parameter",
                "object",
            )


def explain(error: RuntimeError) -> str | None:
    """What to do about an error of torch.func.vmap; None if it is another error."""
    text = str(error)
    if "randomness" in text:
        return "the model draws random numbers in its forward pass, which lanes cannot share"
    if "data-dependent control flow" in text or ".item()" in text:
        return "the model decides by the values of a tensor; use torch.where in place of if"
    if "in-place" in text or "inplace" in text:
        return "the model changes a tensor in place that lanes share; make a new one"
    return None
