"""Normal blobs."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.random import Generator
from pydantic import Field

from ...registry import register
from ..data_files import Arrays
from .protocol import Dataset, DatasetOptions, Labels, Noise, Width


@register("dataset", "blobs")
class Blobs(Dataset):
    """Gaussian clusters around random centres, one per class.

    Two classes have one target, a label. More classes have one target per class: the second label
    for the sample's own class, the first label for the others.
    """

    aliases = ("make_blobs",)

    class Options(DatasetOptions):
        kind: Literal["blobs"]
        inputs: Width = Field(2, description="Dimensions of the space.")
        classes: Width = Field(2, ge=2, description="Number of clusters.")
        spread: Noise = Field(0.2, description="Standard deviation of a cluster.")
        distance: Noise = Field(1.0, description="Standard deviation of the centres.")
        labels: Labels = Field([0.0, 1.0], description="Targets of the two classes.")

    @staticmethod
    def draw(options: Options, random: Generator) -> Arrays:
        centres = options.distance * random.standard_normal((options.classes, options.inputs))
        of_class = np.arange(options.samples) % options.classes
        cloud = random.standard_normal((options.samples, options.inputs))
        classes = [1] if options.classes == 2 else range(options.classes)
        own = (of_class[:, None] == np.array(classes)).astype(int)
        return centres[of_class] + options.spread * cloud, np.array(options.labels)[own]
