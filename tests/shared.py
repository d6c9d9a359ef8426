"""What several test files build on."""

from sklearn_ssl import SimCLRTransformer
from sklearn_ssl.encoders import ResNetEncoder


def small(cls=SimCLRTransformer, **parameters):
    """Return an estimator whose fit takes milliseconds; parameters that it does not have are left out."""
    cheap = {
        "encoder": ResNetEncoder(depth=1, width=4),
        "batch_size": 8,
        "device": "cpu",
        "max_epochs": 3,
        "random_state": 0,
    }
    known = cls().get_params(deep=False)
    return cls(**{name: value for name, value in cheap.items() if name in known} | parameters)
