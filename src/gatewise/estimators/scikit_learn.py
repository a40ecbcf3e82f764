"""The base classes of estimators: scikit-learn's, which has no types, with the types of what is inherited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

__all__ = ["BaseEstimator", "ClassifierMixin", "RegressorMixin", "Tags"]

if TYPE_CHECKING:

    class Tags:
        """What an estimator can do."""

        input_tags: Any
        target_tags: Any

    class BaseEstimator:
        """Parameters by name, which are also attributes."""

        def __init__(self, **params: Any) -> None: ...
        def __getattr__(self, name: str) -> Any: ...
        def get_params(self, deep: bool = True) -> dict[str, Any]: ...
        def set_params(self, **params: Any) -> Self: ...
        def __sklearn_tags__(self) -> Tags: ...

    class ClassifierMixin:
        """Marks a classifier."""

    class RegressorMixin:
        """Marks a regressor."""

else:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.utils import Tags
