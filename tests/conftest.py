import os

os.environ["SCIPY_ARRAY_API"] = "1"  # before SciPy is imported: scikit-learn then skips no check

import pytest
import torch

collect_ignore_glob = ["*conftest.py"]  # several of one name cannot be searched for examples


@pytest.fixture(autouse=True)
def _seeded_torch():
    """Give every test one thread and the same global generator, and leave the generator as it was."""
    torch.set_num_threads(1)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield
