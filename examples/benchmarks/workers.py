"""Worker processes of loky, Dask or Ray for calls of joblib, with one thread each."""

import contextlib
import itertools

import joblib

BACKENDS = ("loky", "dask", "ray")


@contextlib.contextmanager
def workers(backend, n_jobs):
    """Let joblib's calls run in `n_jobs` processes of the backend."""
    with contextlib.ExitStack() as stack:
        options = {"inner_max_num_threads": 1} if backend == "loky" else OPENED[backend](stack, n_jobs)
        stack.enter_context(joblib.parallel_config(backend=backend, n_jobs=n_jobs, **options))
        yield


def with_dask(stack, n_jobs):
    """Start a cluster of processes on this machine; a user has an address instead: ``Client("tcp://...")``."""
    from distributed import Client, LocalCluster

    cluster = LocalCluster(n_workers=n_jobs, threads_per_worker=1, dashboard_address=":0")
    stack.enter_context(Client(stack.enter_context(cluster)))
    return {}


def with_ray(stack, n_jobs):
    """Start Ray on this machine."""
    import ray
    from ray.util.joblib import register_ray

    ray.init(num_cpus=n_jobs, include_dashboard=False, log_to_driver=False)
    stack.callback(ray.shutdown)
    register_ray()
    return {}


OPENED = {"dask": with_dask, "ray": with_ray}


def as_they_come(calls, backend, n_jobs):
    """Make delayed calls in worker processes and yield what they return, the first that is done first.

    Ray's backend returns lists only, so it gets `n_jobs` calls at a time.
    """
    with workers(backend, n_jobs):
        if backend != "ray":
            yield from joblib.Parallel(return_as="generator_unordered", batch_size=1)(calls)
            return
        calls = iter(calls)
        while piece := list(itertools.islice(calls, n_jobs)):
            yield from joblib.Parallel(batch_size=1)(piece)
