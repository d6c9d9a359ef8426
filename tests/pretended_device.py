"""A GPU that this machine does not have: its tensors lie in the memory of the CPU, and say that they are elsewhere.

Arithmetic between the two places is an error, as on a GPU, and whatever makes the host wait for the device is counted.
"""

import contextlib
from collections import Counter

import torch
from torch.autograd import Function
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_iter, tree_map_only

GPU = torch.device("cuda", 0)
WAITS = {  # operations whose values, or their shapes, the host needs
    "_linalg_check_errors", "_linalg_eigh", "_linalg_svd", "_local_scalar_dense", "_unique2", "equal",
    "linalg_lstsq", "masked_select", "nonzero", "repeat_interleave", "unique_consecutive", "unique_dim",
}  # fmt: skip
INDEXED = {"index", "index_put", "index_put_", "_index_put_impl_"}
MOVES = {"to", "cpu", "cuda", "numpy", "tolist", "pin_memory"}
waits: Counter = Counter()


class OnDevice(torch.Tensor):
    """A tensor on the device. Its values are those of `inner`."""

    @staticmethod
    def __new__(cls, inner):
        layout = {"strides": inner.stride(), "storage_offset": inner.storage_offset(), "dtype": inner.dtype}
        one = torch.Tensor._make_wrapper_subclass(cls, inner.shape, device=torch.device("cpu"), **layout)
        one.inner = inner
        return one

    __torch_function__ = torch._C._disabled_torch_function_impl
    device = property(lambda self: GPU)
    is_cuda = property(lambda self: True)

    def __reduce_ex__(self, protocol):
        return _loaded, (self.inner, self.requires_grad, isinstance(self, torch.nn.Parameter))

    def __deepcopy__(self, memo):
        copied = _loaded(OnDevice(self.inner.clone()), self.requires_grad, isinstance(self, torch.nn.Parameter))
        memo[id(self)] = copied
        return copied

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        kwargs, name = kwargs or {}, func.overloadpacket.__name__
        _count(name, args, kwargs)
        if name not in ("copy_", "_to_copy"):
            _check_one_place(name, args[:1] if name in INDEXED else (args, kwargs))
        args_inside, kwargs_inside = tree_map_only(cls, lambda one: one.inner, (args, kwargs))
        found = func(*args_inside, **kwargs_inside)
        if not func._schema.returns or name.endswith("_"):
            return args[0] if func._schema.returns else None
        return tree_map_only(torch.Tensor, cls, found)


def _loaded(inner, requires_grad, is_parameter):
    return torch.nn.Parameter(inner, requires_grad) if is_parameter else inner.requires_grad_(requires_grad)


def _count(name, args, kwargs):
    masks = [one for one in tree_iter(args[1:2]) if isinstance(one, OnDevice) and one.dtype is torch.bool]
    if (name in WAITS and kwargs.get("output_size") is None) or (name in INDEXED and masks):
        waits[name] += 1
    if name in INDEXED and any(not isinstance(one, OnDevice) for one in args[1] if one is not None):
        waits["copy"] += 1  # a list of Python as index
    if name == "copy_" and isinstance(args[0], OnDevice) != isinstance(args[1], OnDevice) and not any(args[2:]):
        waits["copy"] += 1


def _check_one_place(name, values):
    elsewhere = [one for one in tree_iter(values) if isinstance(one, torch.Tensor) and not isinstance(one, OnDevice)]
    if any(one.ndim for one in elsewhere):
        raise RuntimeError(f"Expected all tensors to be on the same device, but {name} got some of the CPU")


class _Move(Function):
    """A tensor of one place becomes one of the other."""

    @staticmethod
    def forward(ctx, values):
        return values.inner.clone() if isinstance(values, OnDevice) else OnDevice(values.clone())

    @staticmethod
    def backward(ctx, gradient):
        return _Move.apply(gradient)


class _Places(TorchFunctionMode):
    """Makes and moves tensors."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs, name = dict(kwargs or {}), getattr(func, "__name__", "")
        if name in MOVES and args and isinstance(args[0], torch.Tensor):
            return _moved(func, name, *args, **kwargs)
        if kwargs.get("device") is None:
            return func(*args, **kwargs)
        on_device = torch.device(kwargs["device"]).type == "cuda"
        found = func(*args, **{**kwargs, "device": torch.device("cpu") if on_device else kwargs["device"]})
        if not on_device or isinstance(found, OnDevice):
            return found
        if name in ("tensor", "as_tensor", "new_tensor"):
            waits["copy"] += 1
        return OnDevice(found.detach()).requires_grad_(found.requires_grad)


def _moved(func, name, one, *args, **kwargs):
    is_there = isinstance(one, OnDevice)
    if name == "pin_memory" or (not is_there and name in ("numpy", "tolist", "cpu")):
        return one if name == "pin_memory" else func(one, *args, **kwargs)
    if name == "numpy":
        raise TypeError("can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() to copy it first.")
    if name == "tolist":
        waits["tolist"] += 1
        return one.inner.tolist()
    device, dtype, non_blocking = _wanted(name, args, kwargs)
    if dtype is not None:
        one = func(one, dtype)
    if device is None or (device.type == "cuda") == is_there:
        return one
    if is_there or not non_blocking:
        waits["copy"] += 1
    return _Move.apply(one)


def _wanted(name, args, kwargs):
    if name != "to":
        return torch.device("cpu" if name == "cpu" else "cuda"), None, False
    if args and isinstance(args[0], torch.Tensor):
        return args[0].device, args[0].dtype, kwargs.get("non_blocking", False)
    kwargs = {name: one for name, one in kwargs.items() if name != "copy"}
    return torch._C._nn._parse_to(*args, **kwargs)[:3]


def _without_gradient(mode=True):
    return torch.no_grad() if mode else torch.enable_grad()


@contextlib.contextmanager
def pretended_gpu(monkeypatch, free=10**10):
    """Run a block on a machine with a GPU."""
    numbers = {"state": torch.tensor([7], dtype=torch.uint8)}
    for name, value in {
        "is_available": lambda: True,
        "is_bf16_supported": lambda: False,
        "device_count": lambda: 1,
        "mem_get_info": lambda device=None: (free, free),
        "manual_seed": lambda seed: None,
        "get_rng_state": lambda *of: numbers["state"],
        "set_rng_state": lambda state, *of: None,
        "device": lambda of: contextlib.nullcontext(),
        "current_device": lambda: 0,
    }.items():
        monkeypatch.setattr(torch.cuda, name, value)
    monkeypatch.setattr(torch.backends.cudnn, "is_acceptable", lambda tensor: False)
    waits.clear()
    with monkeypatch.context() as patched, _Places():
        patched.setattr(torch.__future__, "get_overwrite_module_params_on_conversion", lambda: True)
        patched.setattr(torch, "inference_mode", _without_gradient)  # its own tensors cannot be wrapped
        patched.setattr(torch, "autocast", lambda *args, **kwargs: contextlib.nullcontext())
        yield
