"""Self-supervised learning on streams: recipes that choose which series stay in a bounded memory."""

from sklearn_ssl.replay._buffers import FIFOBuffer, MinRedBuffer, ReplayBuffer, ReservoirBuffer
from sklearn_ssl.replay._memory import Memory
from sklearn_ssl.replay._transformer import ReplayTransformer as ReplayTransformer

__all__ = ["FIFOBuffer", "Memory", "MinRedBuffer", "ReplayBuffer", "ReservoirBuffer"]
