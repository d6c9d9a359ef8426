"""What the gallery does before each example, so that it runs as it does alone."""

import torch

_AT_THE_START = torch.get_num_threads()


def as_at_the_start(gallery_conf, file):
    """Give PyTorch its own number of threads again, because compiled kernels of an earlier example change it."""
    torch.set_num_threads(_AT_THE_START)
