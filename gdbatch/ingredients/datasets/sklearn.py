"""Real data that scikit-learn brings along; nothing is downloaded."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from ...errors import IngredientError
from ...registry import register
from ..data_files import Rows, Selection, bunch_table, select
from .protocol import DataOptions, DataSource


@register("dataset", "sklearn")
class SklearnData(DataSource):
    """A real dataset of scikit-learn: digits, iris, wine, breast_cancer or diabetes.

    digits: 1,797 images of 8 × 8 pixels from 0 to 16, 10 classes. iris: 150 flowers, 4 lengths, 3
    classes. wine: 178 wines, 13 features, 3 classes. breast_cancer: 569 tumours, 30 features, 2
    classes (malignant, benign). diabetes: 442 patients, 10 features in their own units, the
    progress of the disease after a year as a number. Classes are in scikit-learn's order.
    """

    class Options(DataOptions):
        has_columns: ClassVar[bool] = True

        kind: Literal["sklearn"]
        name: Literal["breast_cancer", "diabetes", "digits", "iris", "wine"] = Field(
            description="Name of the dataset."
        )

    @classmethod
    def read(cls, options: Any, entropy: int, selection: Selection) -> Rows:
        try:
            from sklearn import datasets
        except ImportError:
            raise IngredientError(
                "scikit-learn is not installed, which holds these data: pip install scikit-learn",
                "data",
            ) from None
        raw = {"scaled": False} if options.name == "diabetes" else {}
        bunch = getattr(datasets, f"load_{options.name}")(**raw)
        return select(bunch_table(bunch, f"the dataset {options.name}"), selection)
