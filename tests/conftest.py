import pytest
import torch

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _seeded_torch():
    """Give every test the same global generator, and leave it as it was."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield
