"""The tutorial's gradient descent: one model, one weight at a time, written to be read.

The tests use it as their oracle; it is not fast. Numbers are NumPy scalars, which follow IEEE
arithmetic: an overflow is inf, not an exception.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from . import outcomes
from .ingredients.activations.protocol import Activation, OutputActivation
from .ingredients.losses.protocol import OutputLoss
from .ingredients.optimizers.protocol import Optimizer
from .ingredients.problems.minibatches import samples_at
from .ingredients.problems.quantities import QUANTITIES
from .ingredients.schedules.protocol import Schedule
from .training import Training

Scalar: TypeAlias = np.floating  # of the training's number type
Floats = NDArray[np.floating]

# One input, one weight, one output: the tutorial's own functions ------------------------------


def sigmoid(sop: Scalar) -> Scalar:
    """The prediction: 1/(1 + exp(-sop))."""
    prediction: Scalar = 1.0 / (1 + np.exp(-sop))
    return prediction


def error(predicted: Scalar, target: float) -> Scalar:
    """The squared error of one prediction."""
    return (predicted - target) ** 2


def error_predicted_deriv(predicted: Scalar, target: float) -> Scalar:
    """The derivative of the error with respect to the prediction."""
    return 2 * (predicted - target)


def activation_sop_deriv(sop: Scalar) -> Scalar:
    """The derivative of the prediction with respect to the sum of products."""
    return sigmoid(sop) * (1.0 - sigmoid(sop))


def sop_w_deriv(x: float) -> float:
    """The derivative of the sum of products with respect to the weight."""
    return x


def update_w(w: Scalar, gradient: Scalar, learning_rate: float | Scalar) -> Scalar:
    """The weight after one update."""
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
    """The number of updates of one weight until |prediction - target| ≤ tolerance, or None.

    `slope_at_prediction` repeats the tutorial's mistake, `activation_sop_deriv(predicted)`.
    """
    weight: Scalar = np.float64(w)
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


Rows: TypeAlias = list[list[Scalar]]  # of one layer: [unit below][unit], the bias as the last row


@dataclass
class ReferenceNetwork:
    """A network as nested lists: `weights[layer][unit below][unit]`, the bias as the last row."""

    layers: list[int]
    activations: list[OutputActivation]
    loss: OutputLoss
    inputs: list[list[float]]
    targets: list[list[float]]
    bias: bool = False
    slope_at_prediction: bool = False
    dtype: type[Scalar] = np.float64
    layer_scale: list[float] | None = None
    weights: list[float] | None = None  # one per sample

    def nested(self, parameters: Iterable[float | Scalar]) -> list[Rows]:
        """Nested lists from one flat sequence of parameters in the engine's order."""
        numbers = iter(parameters)
        return [
            [[self.dtype(next(numbers)) for _ in range(below)] for _ in range(above + self.bias)]
            for above, below in zip(self.layers[:-1], self.layers[1:], strict=True)
        ]

    def flat(self, nested: list[Rows]) -> list[Scalar]:
        """Nested parameters in one list."""
        return [number for layer in nested for row in layer for number in row]

    def forward(self, weights: list[Rows], sample: list[float]) -> tuple[Rows, Rows]:
        """Sums of products and outputs of every layer for one sample."""
        output: list[Scalar] = [self.dtype(number) for number in sample]
        sops, outputs = [], [output]
        for index, (layer, activation) in enumerate(zip(weights, self.activations, strict=True)):
            above = self._into(index, outputs[-1])
            sop: list[Scalar] = [
                sum((x * row[unit] for x, row in zip(above, layer, strict=True)), self.dtype(0))
                for unit in range(len(layer[0]))
            ]
            sops.append(sop)
            outputs.append(activation.values(sop))
        return sops, outputs

    def _scale(self, layer: int) -> Scalar:
        return self.dtype(self.layer_scale[layer] if self.layer_scale else 1)

    def _into(self, layer: int, output: list[Scalar]) -> list[Scalar]:
        """A layer's inputs, scaled, and 1 for its biases."""
        scaled = [self._scale(layer) * x for x in output] if self.layer_scale else output
        return [*scaled, self.dtype(1)] if self.bias else scaled

    def on(self, samples: list[int]) -> ReferenceNetwork:
        """The same network with only these samples."""
        inputs, targets = ([rows[one] for one in samples] for rows in (self.inputs, self.targets))
        weights = None if self.weights is None else [self.weights[one] for one in samples]
        return replace(self, inputs=inputs, targets=targets, weights=weights)

    def loss_and_gradient(self, weights: list[Rows]) -> tuple[Scalar, list[Rows], list[Scalar]]:
        """The loss, its gradient as nested lists like `weights`, and all predictions."""
        count = len(self.targets) * (1 if self.loss.averages_samples else len(self.targets[0]))
        scale, factor = self.dtype(self.loss.scale(count)), self.dtype(self.loss.factor(count))
        loss = self.dtype(0)
        gradient = [[[self.dtype(0) for _ in row] for row in layer] for layer in weights]
        predictions = []
        of_samples = self.weights or [1.0] * len(self.targets)
        for sample, target, number in zip(self.inputs, self.targets, of_samples, strict=True):
            weight = self.dtype(number)
            sops, outputs = self.forward(weights, sample)
            targets: list[Scalar] = [self.dtype(number) for number in target]
            predictions += outputs[-1]
            for term in self.loss.sample_terms(outputs[-1], sops[-1], targets):
                loss += scale * weight * term
            self._backward(weights, sops, outputs, targets, factor * weight, gradient)
        return loss, gradient, predictions

    def accuracy(self, weights: list[Rows]) -> Scalar:
        """The share of samples, by weight, whose class is predicted; a tie is the first class."""
        right = total = self.dtype(0)
        for sample, target, weight in zip(
            self.inputs, self.targets, self.weights or [1.0] * len(self.targets), strict=True
        ):
            predicted = self.forward(weights, sample)[1][-1]
            total += self.dtype(weight)
            right += self.dtype(weight) * (self._class(predicted) == self._class(target))
        return right / total

    def _class(self, outputs: Sequence[float | Scalar]) -> int:
        if len(outputs) > 1:
            return outputs.index(max(outputs))
        return int(outputs[0] >= sum(self.loss.target_range) / 2)

    def _backward(
        self,
        weights: list[Rows],
        sops: Rows,
        outputs: Rows,
        targets: list[Scalar],
        factor: Scalar,
        gradient: list[Rows],
    ) -> None:
        """Add the gradient to `gradient`, by the chain rule from the last layer to the first."""
        # the derivative of the loss with respect to the layer's outputs, then its sums of products
        slopes = self.loss.sample_slopes(outputs[-1], sops[-1], targets)
        delta = [factor * slope for slope in slopes]
        for layer in range(len(weights) - 1, -1, -1):
            if layer < len(weights) - 1 or self.loss.output_activation is None:
                at = outputs[layer + 1] if self.slope_at_prediction else sops[layer]
                activation = self.activations[layer]
                assert isinstance(activation, Activation)
                slope = activation.derivative
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
    """The updates of one trial: schedule, clipping, weight decay and an optimizer's plain form.

    There is one learning rate per weight. Without an optimizer, updates are the tutorial's own.
    """

    learning_rates: list[Scalar]
    optimizer: type[Optimizer] | None = None
    hyperparameters: Mapping[str, float] = field(default_factory=dict)
    decoupled: bool = False
    schedule: type[Schedule] | None = None
    schedule_hyperparameters: Mapping[str, float] = field(default_factory=dict)
    decayed: list[bool] | None = None  # which weights decay; None: all

    def factor(self, step: int) -> float:
        """The factor of the learning rates at a step."""
        if self.schedule is None:
            return 1.0
        warm_up = self.schedule_hyperparameters["warm_up"]
        warmth = min((step + 1) / warm_up, 1.0) if warm_up else 1.0
        after = max(step - warm_up, 0.0)
        return float(self.schedule.factor_at(after, self.schedule_hyperparameters) * warmth)

    def clipped(self, gradient: list[Scalar]) -> list[Scalar]:
        """The gradient, each component clipped to `clip_value`, then its norm to `clip_norm`."""
        most = self.hyperparameters.get("clip_value")
        if most is not None:
            gradient = [np.clip(slope, -most, most) for slope in gradient]
        longest, length = self.hyperparameters.get("clip_norm"), math.hypot(*gradient)
        if longest is not None and length > longest:
            gradient = [slope * (longest / length) for slope in gradient]
        return gradient

    def next(
        self,
        weights: list[Scalar],
        gradient: list[Scalar],
        states: list[dict[str, Scalar]],
        step: int,
    ) -> list[Scalar]:
        """The weights after update `step`, counted from 0; each weight has its own state."""
        if self.optimizer is None:
            rates = self.learning_rates
            return [
                update_w(w, g, rate) for w, g, rate in zip(weights, gradient, rates, strict=True)
            ]
        penalties = [self.hyperparameters.get(name, 0) for name in ("weight_decay", "l1")]
        updated = []
        decayed = self.decayed or [True] * len(weights)
        for weight, slope, rate, state, decays in zip(
            weights, self.clipped(gradient), self.learning_rates, states, decayed, strict=True
        ):
            rate = type(weight)(rate * self.factor(step))
            decay, l1 = penalties if decays else (0, 0)
            slope = slope + l1 * np.sign(weight)
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
    """How one trial ended; `parameters` are those at step `steps`."""

    outcome: str
    steps: int
    initial_loss: float | Scalar
    final_loss: float | Scalar
    gradient_norm: float | Scalar
    parameters: list[Scalar]
    best: dict[str, tuple[Scalar, int]] = field(default_factory=dict)  # by quantity, with the step


def train_reference(
    network: ReferenceNetwork,
    parameters: Iterable[float],
    updates: float | ReferenceUpdates,
    training: Training,
    batch_key: int = 0,
    held_out: ReferenceNetwork | None = None,
) -> ReferenceResult:
    """Train one trial, checking after every update.

    updates: a float is the learning rate of gradient descent. batch_key: the key of the trial's
    seed, which determines its minibatches. held_out: the network with the samples for validation.
    """
    start = [network.dtype(number) for number in parameters]
    if not isinstance(updates, ReferenceUpdates):
        updates = ReferenceUpdates([network.dtype(updates)] * len(start))
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return _Trial(network, start, updates, training, batch_key, held_out).train()


@dataclass
class _Observed:
    """One check of one trial, as stop rules read it: arrays of length 1."""

    loss: Floats
    initial_loss: Floats
    prediction_error: Floats
    gradient_norm: Floats
    parameters: Floats
    quantities: dict[str, Floats]


class _Trial:
    """One trial, with what its checks need to know about earlier ones."""

    def __init__(
        self,
        network: ReferenceNetwork,
        parameters: list[Scalar],
        updates: ReferenceUpdates,
        training: Training,
        batch_key: int,
        held_out: ReferenceNetwork | None,
    ) -> None:
        self._network, self._updates, self._training = network, updates, training
        self._batch_key = batch_key
        self._held_out = held_out
        self._quantities: dict[str, Floats] = {}  # as last evaluated
        self._best: dict[str, tuple[Scalar, int]] = {}  # and their steps
        self._parameters = parameters
        self._states: list[dict[str, Scalar]] = [{} for _ in parameters]
        self._initial = self._last_finite = network.dtype(np.nan)
        self._streak: ReferenceResult | None = None  # the first check of the current streak
        self._is_unchanged = False
        self._is_autonomous = training.batch is None and updates.schedule is None
        has_end = bool(training.stop) and self._is_autonomous
        self._watched = outcomes.oscillation_updates(training.max_steps) if has_end else 0
        self._moves: list[Floats] = []  # the last updates of the budget, and the losses after them
        self._losses: list[Floats] = []
        self._matters: list[bool] = []  # whether each of them is more than rounding

    def train(self) -> ReferenceResult:
        """Check, update, check, … until an outcome applies."""
        step = 0
        while True:
            gradient, ended = self._check(step)
            if ended is not None:
                return ended
            self._update(gradient, step)
            step += 1

    def _check(self, step: int) -> tuple[list[Scalar], ReferenceResult | None]:
        """The gradient of the next update, and the result if the trial has ended."""
        network, training = self._network, self._training
        on_batch = tracked = network
        if training.batch:
            chosen = samples_at(training.batch, len(network.inputs), self._batch_key, step)
            on_batch = network.on(chosen)
            tracked = network if training.batch.tracked == "full" else on_batch
        weights = network.nested(self._parameters)
        loss, nested, predictions = tracked.loss_and_gradient(weights)
        gradient = network.flat(nested)
        if step % training.every == 0:
            self._evaluate_quantities(weights, step)
        observed = self._observe(step, loss, gradient, predictions, tracked)
        ended = self._ended(step, observed)
        if ended is None and tracked is not on_batch:
            gradient = network.flat(on_batch.loss_and_gradient(weights)[1])
        return gradient, ended

    def _evaluate_quantities(self, weights: list[Rows], step: int) -> None:
        """Evaluate what this network has, and keep the best values."""
        if not isinstance(self._network, ReferenceNetwork):  # such as a function
            return
        values, has_classes = {}, self._network.loss.is_classification
        if has_classes:
            values["accuracy"] = self._network.accuracy(weights)
        if self._held_out is not None:
            values["validation_loss"] = self._held_out.loss_and_gradient(weights)[0]
            if has_classes:
                values["validation_accuracy"] = self._held_out.accuracy(weights)
        for name, value in values.items():
            self._quantities[name] = np.array([value])
            best, _ = self._best.get(name, (self._network.dtype(QUANTITIES[name].worst), 0))
            if value > best if QUANTITIES[name].rises else value < best:
                self._best[name] = value, step

    def _observe(
        self,
        step: int,
        loss: Scalar,
        gradient: list[Scalar],
        predictions: list[Scalar],
        tracked: ReferenceNetwork,
    ) -> _Observed:
        self._initial = loss if step == 0 else self._initial
        self._last_finite = loss if np.isfinite(loss) else self._last_finite
        norm = np.sqrt(sum((g * g for g in gradient), self._network.dtype(0)))
        targets = [self._network.dtype(t) for row in tracked.targets for t in row]
        error = np.max(np.abs(np.subtract(predictions, targets)))  # NaN, if one is NaN
        loss_now, initial, distance, length = (
            np.array([one]) for one in (loss, self._initial, error, norm)
        )
        parameters = np.array(self._parameters)[:, None]
        return _Observed(loss_now, initial, distance, length, parameters, self._quantities)

    def _ended(self, step: int, observed: _Observed) -> ReferenceResult | None:
        """The result if an outcome applies."""
        training = self._training
        if self._moves:
            self._losses.append(observed.loss)
        finite = np.isfinite(observed.loss) & np.isfinite(observed.parameters).all(axis=0)
        within = np.abs(observed.loss) <= training.loss_limit(observed.initial_loss)
        here = ReferenceResult(
            "",
            step,
            self._initial,
            self._last_finite,
            observed.gradient_norm[0],
            self._parameters,
            dict(self._best),
        )
        if step % training.check_every == 0:
            holds = bool(training.rules) and bool(finite & within)
            for rule, threshold in training.rules:
                holds = holds and bool(rule.holds(rule.value(observed), threshold))
            self._streak = (self._streak or here) if holds else None
        has_held = self._streak is not None and (
            (step - self._streak.steps) // training.check_every + 1 >= training.hold
        )
        check = outcomes.Check(
            step=np.array([step]),
            max_steps=training.max_steps,
            has_stop_rule=bool(training.rules),
            loss=observed.loss,
            initial_loss=observed.initial_loss,
            parameters=observed.parameters,
            is_finite=finite,
            is_within_limit=within,
            is_in_streak=np.array([self._streak is not None]),
            has_held=np.array([has_held]),
            is_unchanged=np.array([self._is_unchanged]),
            is_out_of_patience=np.array([self._is_out_of_patience(step)]),
            is_oscillating=np.array([self._is_oscillating()]),
        )
        codes = outcomes.classify(check)
        if codes[0] == outcomes.CONTINUES:
            return None
        if outcomes.has("is_convergence", codes)[0] and self._streak:
            here = self._streak
        elif outcomes.has("is_divergence", codes)[0]:
            here = replace(here, gradient_norm=np.nan)
        return replace(here, outcome=outcomes.names()[codes[0]])

    def _is_out_of_patience(self, step: int) -> bool:
        training = self._training
        if training.patience is None or step % training.every:
            return False
        _, best_step = self._best.get(training.patience_on, (np.nan, 0))
        return step - best_step >= training.patience * training.every

    def _update(self, gradient: list[Scalar], step: int) -> None:
        before = self._parameters, [dict(state) for state in self._states]
        self._parameters = self._updates.next(self._parameters, gradient, self._states, step)
        self._is_unchanged = self._is_autonomous and self._changed_nothing(*before)
        if step >= self._training.max_steps - self._watched:
            move, after = np.subtract(self._parameters, before[0]), np.array(self._parameters)
            self._moves.append(move)
            self._matters.append(outcomes.exceeds_rounding(move[:, None], after[:, None])[0])

    def _is_oscillating(self) -> bool:
        """Whether the trial oscillated without progress in the last updates of its budget."""
        if not self._watched or len(self._moves) < self._watched:
            return False
        pairs = zip(self._moves, self._moves[1:], self._matters[1:], strict=False)
        opposed = any(matters and np.dot(one, other) < 0 for one, other, matters in pairs)
        parts = np.arange(self._watched) * outcomes.OSCILLATION_PARTS // self._watched
        lengths, losses = np.linalg.norm(self._moves, axis=1), np.concatenate(self._losses)
        numbers = range(outcomes.OSCILLATION_PARTS)
        largest = np.array([[lengths[parts == number].max()] for number in numbers])
        least = np.array([[losses[parts == number].min()] for number in numbers])
        return bool(outcomes.oscillates(np.array([opposed]), largest, least)[0])

    def _changed_nothing(self, parameters: list[Scalar], states: list[dict[str, Scalar]]) -> bool:
        """Whether the last update changed nothing and no later one will, bias corrections aside."""
        if parameters != self._parameters:
            return False
        optimizer = self._updates.optimizer
        if optimizer is None:
            return True
        for before, after in zip(states, self._states, strict=True):
            if any(before.get(name, 0) != after[name] for name in optimizer.state):
                return False
        corrected = any(state[name] != 1 for state in self._states for name in optimizer.row_state)
        if not corrected:
            return True
        numerator = optimizer.numerator
        return numerator is not None and all(state[numerator] == 0 for state in self._states)
