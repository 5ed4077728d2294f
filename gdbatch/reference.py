"""The tutorial's gradient descent: one model, one weight at a time, to be read by a student.

It is the oracle of the tests, never used for speed. Numbers are NumPy scalars, so that it follows
IEEE arithmetic: an overflow is inf, not an exception.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .ingredients.activations.protocol import Activation
from .ingredients.losses.protocol import Loss
from .ingredients.optimizers.protocol import Optimizer
from .ingredients.problems.minibatches import samples_at
from .ingredients.schedules.protocol import Schedule
from .outcomes import CONVERGED, DIVERGED, OUTCOMES, STALLED
from .training import Training

# One input, one weight, one output: the tutorial's own functions ------------------------------


def sigmoid(sop: Any) -> Any:
    """The prediction: 1/(1 + exp(-sop))."""
    return 1.0 / (1 + np.exp(-sop))


def error(predicted: Any, target: Any) -> Any:
    """The squared error of one prediction."""
    return (predicted - target) ** 2


def error_predicted_deriv(predicted: Any, target: Any) -> Any:
    """How the error changes with the prediction."""
    return 2 * (predicted - target)


def activation_sop_deriv(sop: Any) -> Any:
    """How the prediction changes with the sum of products."""
    return sigmoid(sop) * (1.0 - sigmoid(sop))


def sop_w_deriv(x: Any) -> Any:
    """How the sum of products changes with the weight."""
    return x


def update_w(w: Any, gradient: Any, learning_rate: Any) -> Any:
    """The step: against the gradient, as long as the learning rate makes it."""
    return w - learning_rate * gradient


def updates_until_close(
    w: float,
    x: float,
    target: float,
    learning_rate: float,
    tolerance: float,
    max_steps: int,
    slope_at_prediction: bool = False,
) -> int | None:
    """Updates of one weight until |prediction - target| ≤ tolerance; None if never.

    `slope_at_prediction` repeats the tutorial's slip, `activation_sop_deriv(predicted)`.
    """
    weight = np.float64(w)
    for step in range(max_steps + 1):
        sop = weight * x
        predicted = sigmoid(sop)
        if abs(predicted - target) <= tolerance:
            return step
        g1 = error_predicted_deriv(predicted, target)
        g2 = activation_sop_deriv(predicted if slope_at_prediction else sop)
        g3 = sop_w_deriv(x)
        weight = update_w(weight, g3 * g2 * g1, learning_rate)
    return None


# Any layered network --------------------------------------------------------------------------


@dataclass
class ReferenceNetwork:
    """A network as nested lists: `weights[layer][unit below][unit]`, the bias as the last row."""

    layers: list[int]
    activations: list[Activation]
    loss: Loss
    inputs: list[list[float]]
    targets: list[list[float]]
    bias: bool = False
    slope_at_prediction: bool = False
    dtype: Any = np.float64
    layer_scale: list[float] | None = None

    def nested(self, parameters: Any) -> list[Any]:
        """Parameters from one flat sequence, in the order of the engine."""
        hyperparameters = iter(parameters)
        return [
            [
                [self.dtype(next(hyperparameters)) for _ in range(below)]
                for _ in range(above + self.bias)
            ]
            for above, below in zip(self.layers[:-1], self.layers[1:], strict=True)
        ]

    def flat(self, nested: list[Any]) -> list[Any]:
        """The way back: parameters in one list."""
        return [number for layer in nested for row in layer for number in row]

    def forward(self, weights: list[Any], sample: list[float]) -> tuple[list[Any], list[Any]]:
        """Sums of products and outputs of every layer for one sample."""
        output = [self.dtype(number) for number in sample]
        sops, outputs = [], [output]
        for index, (layer, activation) in enumerate(zip(weights, self.activations, strict=True)):
            above = self._into(index, outputs[-1])
            sop = [
                sum((x * row[unit] for x, row in zip(above, layer, strict=True)), self.dtype(0))
                for unit in range(len(layer[0]))
            ]
            sops.append(sop)
            outputs.append([activation.value(s) for s in sop])
        return sops, outputs

    def _scale(self, layer: int) -> Any:
        return self.dtype(self.layer_scale[layer] if self.layer_scale else 1)

    def _into(self, layer: int, output: list[Any]) -> list[Any]:
        """What the weights of a layer are multiplied by, that of its biases last."""
        scaled = [self._scale(layer) * x for x in output] if self.layer_scale else output
        return [*scaled, self.dtype(1)] if self.bias else scaled

    def on(self, samples: list[int]) -> ReferenceNetwork:
        """The same network, as if there were only these samples."""
        inputs, targets = ([rows[one] for one in samples] for rows in (self.inputs, self.targets))
        return replace(self, inputs=inputs, targets=targets)

    def loss_and_gradient(self, weights: list[Any]) -> tuple[Any, list[Any], list[Any]]:
        """The loss, its gradient as nested lists like `weights`, and all predictions."""
        count = len(self.targets) * len(self.targets[0])
        scale, factor = self.dtype(self.loss.scale(count)), self.dtype(self.loss.factor(count))
        loss = self.dtype(0)
        gradient = [[[self.dtype(0) for _ in row] for row in layer] for layer in weights]
        predictions = []
        for sample, target in zip(self.inputs, self.targets, strict=True):
            sops, outputs = self.forward(weights, sample)
            targets = [self.dtype(number) for number in target]
            predictions += outputs[-1]
            for p, s, t in zip(outputs[-1], sops[-1], targets, strict=True):
                loss += scale * self.loss.term(p, s, t)
            self._backward(weights, sops, outputs, targets, factor, gradient)
        return loss, gradient, predictions

    def _backward(
        self,
        weights: list[Any],
        sops: list[Any],
        outputs: list[Any],
        targets: list[Any],
        factor: Any,
        gradient: list[Any],
    ) -> None:
        """The chain rule from the last layer to the first, added to `gradient`."""
        # how the loss changes with the output of the layer, then with its sums of products
        delta = [factor * (p - t) for p, t in zip(outputs[-1], targets, strict=True)]
        for layer in range(len(weights) - 1, -1, -1):
            if layer < len(weights) - 1 or self.loss.output_activation is None:
                at = outputs[layer + 1] if self.slope_at_prediction else sops[layer]
                slope = self.activations[layer].derivative
                delta = [d * slope(point) for d, point in zip(delta, at, strict=True)]
            for row, x in enumerate(self._into(layer, outputs[layer])):
                for unit, d in enumerate(delta):
                    gradient[layer][row][unit] += x * d
            delta = [
                self._scale(layer)
                * sum((w * d for w, d in zip(row, delta, strict=True)), self.dtype(0))
                for row in weights[layer][: len(outputs[layer])]
            ]


# Updates -------------------------------------------------------------------------------------


@dataclass
class ReferenceUpdates:
    """How all weights of one trial are updated: an optimizer's plain form, and what surrounds it.

    `learning_rates` are one a weight. Without an optimizer it is the tutorial's own step.
    """

    learning_rates: list[Any]
    optimizer: type[Optimizer] | None = None
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    decoupled: bool = False
    schedule: type[Schedule] | None = None
    schedule_hyperparameters: Mapping[str, Any] = field(default_factory=dict)

    def factor(self, step: int) -> float:
        """By what the learning rates are multiplied at a step."""
        if self.schedule is None:
            return 1.0
        warm_up = self.schedule_hyperparameters["warm_up"]
        warmth = min((step + 1) / warm_up, 1.0) if warm_up else 1.0
        after = max(step - warm_up, 0.0)
        return float(self.schedule.factor_at(after, self.schedule_hyperparameters) * warmth)

    def clipped(self, gradient: list[Any]) -> list[Any]:
        """The gradient with each slope cut to `clip_value`, then its length to `clip_norm`."""
        most = self.hyperparameters.get("clip_value")
        if most is not None:
            gradient = [min(max(slope, -most), most) for slope in gradient]
        longest, length = self.hyperparameters.get("clip_norm"), math.hypot(*gradient)
        if longest is not None and length > longest:
            gradient = [slope * (longest / length) for slope in gradient]
        return gradient

    def next(
        self, weights: list[Any], gradient: list[Any], states: list[dict[str, Any]], step: int
    ) -> list[Any]:
        """The weights after update number `step`, counted from 0; each has a memory."""
        if self.optimizer is None:
            rates = self.learning_rates
            return [
                update_w(w, g, rate) for w, g, rate in zip(weights, gradient, rates, strict=True)
            ]
        decay, updated = self.hyperparameters.get("weight_decay", 0), []
        for weight, slope, rate, state in zip(
            weights, self.clipped(gradient), self.learning_rates, states, strict=True
        ):
            rate = type(weight)(rate * self.factor(step))
            if self.decoupled:
                weight = weight - rate * decay * weight
            else:
                slope = slope + decay * weight
            updated.append(
                self.optimizer.update_one(weight, slope, rate, self.hyperparameters, state)
            )
        return updated


@dataclass
class ReferenceResult:
    """How one trial ended; `parameters` are those of check `steps`."""

    outcome: str
    steps: int
    initial_loss: float
    final_loss: float
    gradient_norm: float
    parameters: list[float]


def train_reference(
    network: ReferenceNetwork,
    parameters: Any,
    updates: float | ReferenceUpdates,
    training: Training,
    batch_key: int = 0,
) -> ReferenceResult:
    """One trial, every rule checked after every update; a float is gradient descent's rate.

    batch_key: of the trial's seed, where minibatches are drawn.
    """
    if not isinstance(updates, ReferenceUpdates):
        updates = ReferenceUpdates([network.dtype(updates)] * len(parameters))
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return _train(network, parameters, updates, training, batch_key)


def _train(
    network: ReferenceNetwork,
    parameters: Any,
    updates: ReferenceUpdates,
    training: Training,
    batch_key: int,
) -> ReferenceResult:
    current = [network.dtype(number) for number in parameters]
    states: list[dict[str, Any]] = [{} for _ in current]
    previous: Any = None  # the weights before, and what the optimizer remembered
    initial = last_finite = network.dtype(np.nan)
    streak: ReferenceResult | None = None  # the first check of the streak, while there is one
    for step in range(training.max_steps + 1):
        weights = network.nested(current)
        on_batch = tracked = network
        if training.batch:
            n_samples = len(network.inputs)
            on_batch = network.on(samples_at(training.batch, n_samples, batch_key, step))
            tracked = network if training.batch.tracked == "full" else on_batch
        loss, nested, predictions = tracked.loss_and_gradient(weights)
        flat_targets = [network.dtype(t) for row in tracked.targets for t in row]
        gradient = network.flat(nested)
        initial = loss if step == 0 else initial
        last_finite = loss if np.isfinite(loss) else last_finite
        norm = np.sqrt(sum((g * g for g in gradient), network.dtype(0)))
        measured = {
            "loss": loss,
            "gradient_norm": norm,
            # np.max lets a NaN win
            "prediction_error": np.max(np.abs(np.subtract(predictions, flat_targets))),
        }
        here = ReferenceResult(
            OUTCOMES[training.end_of_budget], step, initial, last_finite, norm, current
        )
        finite = np.isfinite(loss) and all(np.isfinite(number) for number in current)
        if not (finite and abs(loss) <= training.largest_loss):
            return replace(here, outcome=OUTCOMES[DIVERGED], gradient_norm=np.nan)
        if training.stop and all(measured[rule] <= most for rule, most in training.stop.items()):
            streak = streak or replace(here, outcome=OUTCOMES[CONVERGED])
            if step - streak.steps + 1 >= training.hold:
                return streak
        else:
            streak = None
        state = current, [dict(state) for state in states]
        exact = updates.schedule is None and training.batch is None
        if exact and previous == state and streak is None:
            return replace(here, outcome=OUTCOMES[STALLED])
        if step == training.max_steps:
            break
        if tracked is not on_batch:
            gradient = network.flat(on_batch.loss_and_gradient(weights)[1])
        previous, current = state, updates.next(current, gradient, states, step)
    return here
