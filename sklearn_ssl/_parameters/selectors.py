"""scikit-learn's base class of selectors, with types. To import it is slow: all linear models come with it."""

from typing import TYPE_CHECKING, Any

from sklearn_ssl._parameters.scikit_learn import TransformerMixin

if TYPE_CHECKING:

    class SelectorMixin(TransformerMixin):
        support_: Any

        def get_support(self, indices: bool = False) -> Any: ...
        def transform(self, X: Any) -> Any: ...
        def inverse_transform(self, X: Any) -> Any: ...
        def get_feature_names_out(self, input_features: Any = None) -> Any: ...
else:
    from sklearn.feature_selection import SelectorMixin

__all__ = ["SelectorMixin"]
