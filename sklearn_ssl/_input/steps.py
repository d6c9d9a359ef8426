"""How many time steps series must have."""

from sklearn_ssl._input.collections import Collection


def check_steps(name: str, collection: Collection, least: int, remedy: str) -> None:
    """Raise a ValueError unless every series has `least` time steps or more.

    Parameters
    ----------
    name : str
        The estimator that needs them.
    collection : Collection
        The series.
    least : int
        The number of steps.
    remedy : str
        What to do, apart from other series; "" for nothing.
    """
    needs = f"{name} needs series of {least} or more time steps"
    if collection.n_timepoints < least:
        raise ValueError(f"{needs}, got n_features = {collection.n_timepoints}. Give longer series{remedy}.")
    if collection.lengths is None or collection.lengths.min() >= least:
        return
    row = int(collection.lengths.argmin())
    raise ValueError(f"{needs}, but series {row} has {collection.lengths[row]}. Leave such series out{remedy}.")
