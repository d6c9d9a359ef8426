import pickle
import random

import pytest
import torch
from numpy.testing import assert_array_equal
from shared import small

from sklearn_ssl import VICRegTransformer
from sklearn_ssl._engine import checkpoint as module
from sklearn_ssl._engine.batches import SeriesDataset
from sklearn_ssl._engine.checkpoint import EpochCheckpoint
from sklearn_ssl._input.collections import collection_of
from sklearn_ssl.datasets import make_waves

X, _ = make_waves(n_cases=21, n_channels=2, n_timepoints=30, random_state=0)
ABANDONED = ".unfinished-0123456789abcdef"


def vicreg(folder, **parameters):
    return small(VICRegTransformer, **{"max_epochs": 2, "checkpoint": folder, **parameters})


def checkpoint_of(estimator, device="cpu"):
    return EpochCheckpoint.of(estimator, SeriesDataset(collection_of(X), torch.device(device)))


@pytest.fixture(scope="module")
def fitted():
    return vicreg(None).fit(X)


@pytest.fixture
def stored(tmp_path, fitted):
    """The checkpoint that a fit which is killed after its last epoch leaves behind."""
    checkpoint = checkpoint_of(vicreg(tmp_path))
    checkpoint.on_epoch_end(fitted.net_)
    return checkpoint


def test_what_was_stored_is_loaded(stored, fitted):
    expected = fitted.net_.module_.state_dict()
    loaded = stored.load().module_.state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in expected.items())


@pytest.mark.parametrize("seed", range(40))
def test_every_flipped_bit_is_noticed_and_the_file_is_named(stored, seed):
    content = bytearray(stored.path.read_bytes())
    draw = random.Random(seed)
    place = draw.randrange(140 if seed < 20 else len(content))  # 140 bytes pass the checksum and the version
    content[place] ^= 1 << draw.randrange(8)
    stored.path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"`checkpoint`: {stored.path} cannot be read \(it is damaged.* Remove it"):
        stored.load()
    assert stored.path.read_bytes() == bytes(content)


@pytest.mark.parametrize("share", [0, 0.001, 0.5, 0.999])
def test_every_cut_is_noticed(stored, share):
    content = stored.path.read_bytes()
    stored.path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match="it is damaged"):
        stored.load()


def test_the_remedy_for_a_damaged_file(tmp_path, stored):
    stored.path.write_bytes(b"damaged")
    with pytest.raises(ValueError, match="Remove it to start afresh"):
        vicreg(tmp_path).fit(X)
    stored.path.unlink()
    assert_array_equal(vicreg(tmp_path).fit_transform(X), vicreg(None).fit_transform(X))


def test_another_version_is_named(stored, monkeypatch):
    monkeypatch.setattr(module, "__version__", "9.8.7")
    with pytest.raises(ValueError, match=r"\(version 0\.1\.0 of sklearn_ssl wrote it, and this is version 9\.8\.7\)"):
        stored.load()


def test_an_error_of_the_pickle_is_told(stored):
    content = b"%s\n%s" % (module.__version__.encode(), pickle.dumps(open)[:-3])
    stored.path.write_bytes(module._checksum(content) + content)
    with pytest.raises(ValueError, match="cannot be read"):
        stored.load()


def test_device_and_verbose_do_not_count(tmp_path):
    paths = {
        checkpoint_of(vicreg(tmp_path, **parameters)).path
        for parameters in ({}, {"device": "auto"}, {"device": torch.device("cpu")}, {"verbose": 1})
    }
    assert len(paths) == 1
    assert checkpoint_of(vicreg(tmp_path, lr=0.1)).path not in paths


def test_a_stored_net_goes_on_on_the_device_of_the_fit(stored, monkeypatch):
    # Meta tensors stand for an accelerator, because every machine has them. An optimiser does not follow to them.
    moved = []
    monkeypatch.setattr(
        torch.optim.AdamW, "load_state_dict", lambda optimizer, state: moved.append(len(state["state"]))
    )
    stored.device = torch.device("meta")
    net = stored.load()
    assert {weight.device.type for weight in net.module_.parameters()} == {"meta"}
    assert moved == [len(list(net.module_.parameters()))]
    assert (net.device, net.precision) == ("meta", "float32")
    assert net.random_states_.keys() == {"cpu"}


def test_a_file_that_another_process_removes_meanwhile(stored, monkeypatch):
    monkeypatch.setattr(type(stored.path), "exists", lambda path, **kwargs: True)
    stored.path.unlink()
    assert stored.load() is None


def test_a_finished_fit_removes_what_killed_ones_left(tmp_path):
    (tmp_path / ABANDONED).write_bytes(b"half a checkpoint")
    (tmp_path / "mine").write_bytes(b"another file")
    vicreg(tmp_path).fit(X)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert checkpoint_of(vicreg("~/kept")).path.parent == tmp_path / "kept"
    EpochCheckpoint.check_folder("~/other")
    assert not (tmp_path / "other").exists(), "the check has made a folder"


def test_folders_above_are_created_and_old_ones_are_used(tmp_path):
    folder = tmp_path / "several" / "levels"
    for _ in range(2):
        assert checkpoint_of(vicreg(folder)).path.parent == folder
        assert folder.is_dir()


def unwritable(*args, **kwargs):
    raise PermissionError(13, "Permission denied")


@pytest.mark.parametrize("name", ["", "new", "new/one"])
def test_a_read_only_folder_is_seen_before_any_work(tmp_path, monkeypatch, name):
    monkeypatch.setattr("tempfile.TemporaryFile", unwritable)
    monkeypatch.setattr(VICRegTransformer, "_build_net", unwritable)
    with pytest.raises(ValueError, match=r"`checkpoint`: no file can be written into .*Permission denied.* Name a fol"):
        vicreg(tmp_path / name).fit(X)


def test_a_folder_that_cannot_be_made(tmp_path, monkeypatch):
    monkeypatch.setattr(type(tmp_path), "mkdir", unwritable)
    with pytest.raises(ValueError, match="`checkpoint`: no file can be written into"):
        vicreg(tmp_path / "new").fit(X)


def test_a_link_to_nothing(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    with pytest.raises(ValueError, match=r"`checkpoint` must be a folder, but .*link is none"):
        vicreg(tmp_path / "link").fit(X)


@pytest.mark.parametrize(("folder", "error"), [(3, TypeError), (b"x", TypeError), ("", ValueError), ("\0", ValueError)])
def test_what_is_no_folder(folder, error):
    with pytest.raises(error, match="`checkpoint`"):
        vicreg(folder).fit(X)


def test_a_disk_that_becomes_full(tmp_path, monkeypatch):
    def fill(source, target):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr("os.replace", fill)
        with pytest.raises(OSError, match=r"No space left on device.*Free space on its disk"):
            vicreg(tmp_path).fit(X)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_place_of_the_file_is_named(tmp_path):
    with pytest.raises(ValueError, match=rf"{tmp_path.name} cannot be read \(Is a directory\)"):
        EpochCheckpoint(tmp_path).load()
    assert EpochCheckpoint(tmp_path / "absent").load() is None
