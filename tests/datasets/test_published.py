import contextlib
import random
import warnings

import numpy as np
import pytest
from scipy.io import savemat

from sklearn_ssl.datasets import load_ieeeppg, load_ucihar

ACTIVITIES = ["WALKING", "WALKING_UPSTAIRS", "WALKING_DOWNSTAIRS", "SITTING", "STANDING", "LAYING"]
HAR_CHANNELS = [
    *["body_acc_x", "body_acc_y", "body_acc_z"],
    *["body_gyro_x", "body_gyro_y", "body_gyro_z"],
    *["total_acc_x", "total_acc_y", "total_acc_z"],
]
PPG_CHANNELS = ["ppg1", "ppg2", "acc_x", "acc_y", "acc_z"]
LENGTHS = {"DATA_01_TYPE01": 1500, "DATA_02_TYPE02": 1260, "TEST_S01_T01": 1300, "TEST_S02_T02": 1000}


@pytest.fixture(scope="module")
def har():
    """Steps of the sensor, numbers of the activities and of the volunteers, for each split."""
    random = np.random.RandomState(0)
    return {
        split: (random.randint(-3000, 3000, (n, 9, 128)), random.randint(1, 7, n), np.sort(random.randint(1, 31, n)))
        for split, n in (("train", 5), ("test", 3))
    }


@pytest.fixture
def har_folder(har, tmp_path):
    folder = tmp_path / "downloads" / "UCI HAR Dataset"
    for split, (steps, activities, subjects) in har.items():
        signals = folder / split / "Inertial Signals"
        signals.mkdir(parents=True)
        for i, channel in enumerate(HAR_CHANNELS):
            rows = ["".join(f"{value:16.7e}" for value in row) for row in steps[:, i] / 4096]
            text = "\n".join(rows).replace("e-0", "e-00").replace("e+0", "e+00")  # three digits, as published
            (signals / f"{channel}_{split}.txt").write_text(text + "\n")
        (folder / split / f"y_{split}.txt").write_text("".join(f"{label}\n" for label in activities))
        (folder / split / f"subject_{split}.txt").write_text("".join(f"{number}\n" for number in subjects))
    (folder / "activity_labels.txt").write_text("".join(f"{i} {name}\n" for i, name in enumerate(ACTIVITIES, 1)))
    return folder


@pytest.fixture
def har_packed(har, tmp_path):
    file = tmp_path / "activities" / "UCIHAR.npz"
    file.parent.mkdir()
    arrays = {"scale": np.float32(1 / 4096), "channels": np.array(HAR_CHANNELS)}
    arrays["classes"] = np.array([f"{i}={name}" for i, name in enumerate(ACTIVITIES, 1)])
    for split, (steps, activities, subjects) in har.items():
        arrays[f"X_{split}"] = steps.astype(np.int16)
        arrays[f"y_{split}"] = activities.astype(str)
        arrays[f"subject_{split}"] = subjects.astype(np.int16)
    np.savez(file, **arrays)
    return file


def assert_same(data, other):
    np.testing.assert_allclose(data.X, other.X, atol=1e-6)
    np.testing.assert_array_equal(data.y, other.y)
    np.testing.assert_array_equal(data.groups, other.groups)
    assert data.channels == other.channels
    assert data.sampling_rate == other.sampling_rate
    assert data.DESCR == other.DESCR


@pytest.mark.parametrize("split", ["train", "test", None])
def test_ucihar_in_both_forms(har, har_folder, har_packed, split):
    data = load_ucihar(har_folder, split)
    assert_same(load_ucihar(har_packed, split), data)
    wanted = [har[name] for name in (["train", "test"] if split is None else [split])]
    np.testing.assert_allclose(data.X, np.concatenate([steps for steps, _, _ in wanted]) / 4096, atol=1e-6)
    assert data.y.tolist() == [ACTIVITIES[label - 1] for _, labels, _ in wanted for label in labels]
    assert data.groups.tolist() == [number for _, _, subjects in wanted for number in subjects]
    assert data.X.dtype == np.float32
    assert (data.channels, data.sampling_rate) == (HAR_CHANNELS, 50.0)
    assert "WALKING_UPSTAIRS" in data.DESCR


def test_ucihar_paths(har_folder, har_packed):
    expected = load_ucihar(har_folder)
    for path in (str(har_folder), har_folder.parent, har_packed, str(har_packed), har_packed.parent):
        assert_same(load_ucihar(path), expected)
    renamed = har_packed.parent.rename(har_packed.parent.with_name("UCIHAR"))
    assert_same(load_ucihar(renamed.parent), expected)


def test_ucihar_as_X_and_y(har_folder):
    X, y = load_ucihar(har_folder, "train", return_X_y=True)
    data = load_ucihar(har_folder, "train")
    np.testing.assert_array_equal(X, data.X)
    np.testing.assert_array_equal(y, data.y)


def test_ucihar_absent(tmp_path):
    (tmp_path / "file.txt").write_text("no data")
    for path in (tmp_path, tmp_path / "nowhere", tmp_path / "nowhere.npz", tmp_path / "file.txt"):
        with pytest.raises(FileNotFoundError, match=r"No UCI HAR data in .*'UCI HAR Dataset'.*UCIHAR\.npz.*Download"):
            load_ucihar(path)


def test_ucihar_incomplete(har_folder):
    (har_folder / "test" / "Inertial Signals" / "body_gyro_y_test.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"body_gyro_y_test\.txt is missing\. Unpack"):
        load_ucihar(har_folder)
    assert load_ucihar(har_folder, "train").X.shape == (5, 9, 128)


def test_ucihar_cut_off(har_folder):
    (har_folder / "train" / "y_train.txt").write_text("1\n2\n")
    with pytest.raises(ValueError, match=r"must have equally many rows, got \[2, 5\]\. Unpack them again"):
        load_ucihar(har_folder)


@pytest.fixture(scope="module")
def recordings():
    """Signals of half steps (exact in every form), and a heart rate for each window."""
    random = np.random.RandomState(1)
    return {
        name: (
            random.randint(-400, 400, (5, length)) / 2,
            np.round(random.uniform(60, 180, 1 + (length - 1000) // 250), 3),
        )
        for name, length in LENGTHS.items()
    }


@pytest.fixture(scope="module")
def ppg(recordings):
    """Windows, heart rates and names of the recordings, for each split."""
    splits = {}
    for split, prefix in (("train", "DATA"), ("test", "TEST")):
        named = [(name, *content) for name, content in recordings.items() if name.startswith(prefix)]
        X = np.array([signal[:, 250 * i : 250 * i + 1000] for _, signal, rates in named for i in range(len(rates))])
        y = np.concatenate([rates for _, _, rates in named])
        splits[split] = (X, y, [name for name, _, rates in named for _ in rates])
    return splits


@pytest.fixture
def ppg_matlab(recordings, tmp_path):
    folder = tmp_path / "cup"
    for name in ("Training_data", "TestData", "TrueBPM"):
        (folder / name).mkdir(parents=True)
    for name, (signal, rates) in recordings.items():
        if name.startswith("DATA"):
            heart = np.full((1, signal.shape[1]), 77.0)
            savemat(folder / "Training_data" / f"{name}.mat", {"sig": np.concatenate([heart, signal])})
            savemat(folder / "Training_data" / f"{name}_BPMtrace.mat", {"BPM0": rates[:, None]})
        else:
            savemat(folder / "TestData" / f"{name}.mat", {"sig": signal})
            savemat(folder / "TrueBPM" / f"{name.replace('TEST', 'True')}.mat", {"BPM0": rates[:, None]})
    extra = {"sig": np.zeros((6, 2000)), "BPM0": np.zeros((5, 1))}
    savemat(folder / "DATA_S04_T01.mat", extra)
    savemat(folder / "BPM_S04_T01.mat", extra)
    return folder


@pytest.fixture
def ppg_archive(ppg, tmp_path):
    folder = tmp_path / "archive" / "IEEEPPG"
    folder.mkdir(parents=True)
    for split, (X, y, _) in ppg.items():
        header = ["@problemName IEEEPPG", "@timeStamps false", "@missing false", "@univariate false", "@dimensions 5"]
        header += ["@equalLength true", "@seriesLength 1000", "@targetlabel true", "@data"]
        cases = [
            ":".join([*(",".join(map(str, channel)) for channel in window), str(rate)])
            for window, rate in zip(X.tolist(), y.tolist(), strict=True)
        ]
        (folder / f"IEEEPPG_{split.upper()}.ts").write_text("\n".join(header + cases) + "\n")
    return folder


@pytest.fixture
def ppg_packed(ppg, tmp_path):
    file = tmp_path / "heart rates" / "IEEEPPG.npz"
    file.parent.mkdir()
    arrays = {"channels": np.array(PPG_CHANNELS), "fs": np.float64(125)}
    for split, (X, y, records) in ppg.items():
        arrays[f"X_{split}"] = X.astype(np.float32)
        arrays[f"y_{split}"] = y
        arrays[f"record_{split}"] = np.array(records)
    np.savez(file, **arrays)
    return file


@pytest.mark.parametrize("split", ["train", "test", None])
def test_ieeeppg_in_three_forms(ppg, ppg_matlab, ppg_archive, ppg_packed, split):
    data = load_ieeeppg(ppg_matlab, split)
    wanted = [ppg[name] for name in (["train", "test"] if split is None else [split])]
    np.testing.assert_array_equal(data.X, np.concatenate([X for X, _, _ in wanted]))
    np.testing.assert_array_equal(data.y, np.concatenate([y for _, y, _ in wanted]))
    assert data.groups.tolist() == [name for _, _, names in wanted for name in names]
    assert data.X.dtype == np.float32
    assert data.X.shape[1:] == (5, 1000)
    assert data.y.dtype == np.float64
    assert (data.channels, data.sampling_rate) == (PPG_CHANNELS, 125.0)
    assert "beats per minute" in data.DESCR
    assert_same(load_ieeeppg(ppg_packed, split), data)
    archive = load_ieeeppg(ppg_archive, split)
    new_names = {"DATA_01_TYPE01": "train_01", "DATA_02_TYPE02": "train_02"}
    new_names |= {"TEST_S01_T01": "test_01", "TEST_S02_T02": "test_02"}
    assert archive.groups.tolist() == [new_names[name] for name in data.groups]
    archive.groups = data.groups
    assert_same(archive, data)


@pytest.mark.parametrize("order", [[4, 1, 0, 3, 2], [4, 1, 3, 2, 0]])
def test_ieeeppg_recordings_of_shuffled_windows(ppg, ppg_archive, order):
    file = ppg_archive / "IEEEPPG_TRAIN.ts"
    lines = file.read_text().splitlines()
    header, cases = lines[:9], lines[9:]
    file.write_text("\n".join(header + [cases[i] for i in order]) + "\n")
    groups = load_ieeeppg(ppg_archive, "train").groups
    names = [ppg["train"][2][i] for i in order]
    assert len({*zip(groups.tolist(), names, strict=True)}) == len(set(names)) == len(set(groups))


def test_ieeeppg_paths(ppg_archive, ppg_packed):
    assert_same(load_ieeeppg(str(ppg_archive.parent)), load_ieeeppg(ppg_archive))
    expected = load_ieeeppg(ppg_packed)
    assert_same(load_ieeeppg(str(ppg_packed.parent)), expected)
    renamed = ppg_packed.parent.rename(ppg_packed.parent.with_name("IEEEPPG"))
    assert_same(load_ieeeppg(renamed.parent), expected)


def test_ieeeppg_as_X_and_y(ppg_packed):
    X, y = load_ieeeppg(ppg_packed, "test", return_X_y=True)
    data = load_ieeeppg(ppg_packed, "test")
    np.testing.assert_array_equal(X, data.X)
    np.testing.assert_array_equal(y, data.y)


@pytest.mark.parametrize("n_rates", [2, 4])
def test_ieeeppg_windows_and_heart_rates_without_the_other_are_left_out(ppg, ppg_matlab, n_rates):
    rates = np.arange(70.0, 70.0 + n_rates)
    savemat(ppg_matlab / "Training_data" / "DATA_01_TYPE01_BPMtrace.mat", {"BPM0": rates[:, None]})
    data = load_ieeeppg(ppg_matlab, "train")
    n_windows = min(n_rates, 3)
    X, _, names = ppg["train"]
    np.testing.assert_array_equal(data.X, np.concatenate([X[:n_windows], X[3:]]))
    np.testing.assert_array_equal(data.y[:n_windows], rates[:n_windows])
    assert data.groups.tolist() == names[:n_windows] + names[3:]
    assert len(data.y) == len(data.X)


def test_ieeeppg_absent(tmp_path):
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(FileNotFoundError, match=r"No test data of IEEEPPG in .*IEEEPPG_TEST\.ts.*Download"):
            load_ieeeppg(path, "test")


def test_ieeeppg_without_heart_rates(ppg_matlab):
    (ppg_matlab / "TrueBPM" / "True_S02_T02.mat").unlink()
    with pytest.raises(FileNotFoundError, match=r"lacks the heart rates True_S02_T02 \(\.mat\)\. Unpack"):
        load_ieeeppg(ppg_matlab)
    assert len(load_ieeeppg(ppg_matlab, "train").X) == 5


def test_ieeeppg_recording_too_short(ppg_matlab):
    savemat(ppg_matlab / "TestData" / "TEST_S01_T01.mat", {"sig": np.zeros((5, 999))})
    with pytest.raises(ValueError, match=r"TEST_S01_T01\.mat must hold at least 1000 time steps, got 999"):
        load_ieeeppg(ppg_matlab)


def test_ieeeppg_archive_of_another_shape(ppg_archive):
    file = ppg_archive / "IEEEPPG_TRAIN.ts"
    file.write_text(
        "@problemName IEEEPPG\n@univariate false\n@equalLength true\n@targetlabel true\n@data\n1,2:3,4:70.0\n"
    )
    with pytest.raises(ValueError, match=r"windows of shape \(5, 1000\), got \(2, 2\)\. Download it again"):
        load_ieeeppg(ppg_archive)


@pytest.mark.parametrize("load", [load_ucihar, load_ieeeppg])
def test_unknown_split(load, har_packed, ppg_packed):
    with pytest.raises(ValueError, match="`split` must be 'train', 'test' or None for both, got 'valid'"):
        load({load_ucihar: har_packed, load_ieeeppg: ppg_packed}[load], "valid")


def test_packed_files_run_no_code(tmp_path):
    np.savez(tmp_path / "pickled.npz", channels=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        load_ucihar(tmp_path / "pickled.npz")


def repacked(file, **changes):
    """Write a packed file again with other arrays; None leaves one out."""
    with np.load(file) as packed:
        arrays = {**packed, **changes}
    np.savez(file, **{name: array for name, array in arrays.items() if array is not None})


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"y_train": np.array(["1", "2", "3"])}, r"equally many rows, and have \[5, 3, 5\]"),
        ({"subject_train": np.arange(4)}, r"equally many rows, and have \[5, 5, 4\]"),
        ({"y_train": np.array(["1", "2", "3", "4", "9"])}, r"it has the classes \['9'\], which have no name"),
        ({"y_train": np.zeros((5, 1), dtype=int)}, "y_train must be a list of names"),
        ({"y_train": np.full(5, 1.5)}, "y_train must be a list of names"),
        ({"classes": np.array(["WALKING"])}, "dictionary update sequence"),
        ({"classes": np.array(3)}, "not iterable"),
        ({"scale": np.float32("nan")}, "scale has values that are NaN"),
        ({"scale": np.complex64(1)}, "scale must be real numbers"),
        ({"scale": np.float32(0)}, "scale must be above 0"),
        ({"scale": np.ones(3)}, "scale must have 0 dimensions"),
        ({"scale": np.array("many")}, "scale must be real numbers"),
        ({"X_train": np.zeros((5, 9, 128), dtype=complex)}, "X_train must be real numbers"),
        ({"X_train": np.full((5, 9, 128), np.inf)}, "X_train has values that are NaN or infinite"),
        ({"X_train": np.zeros((5, 128))}, "X_train must have 3 dimensions"),
        ({"subject_train": np.full(5, 0.5)}, "subject_train must be whole numbers"),
        ({"subject_train": np.array(list("abcde"))}, "subject_train must be real numbers"),
        ({"channels": np.array(3.0)}, "channels must be a list of names"),
        ({"scale": None}, "it holds no scale"),
    ],
)
def test_ucihar_packed_in_another_form(har_packed, changes, reason):
    repacked(har_packed, **changes)
    with pytest.raises(ValueError, match=rf"UCIHAR\.npz .*{reason}"):
        load_ucihar(har_packed, "train")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"y_train": np.arange(3.0)}, r"equally many rows, and have \[5, 3, 5\]"),
        ({"y_train": np.full(5, np.nan)}, "y_train has values that are NaN"),
        ({"y_train": np.full(5, 1j)}, "y_train must be real numbers"),
        ({"record_train": np.zeros((5, 2))}, "record_train must be a list of names"),
        ({"fs": np.float64("nan")}, "fs has values that are NaN"),
        ({"fs": np.complex64(125)}, "fs must be real numbers"),
        ({"fs": np.array(-125)}, "fs must be above 0"),
        ({"X_train": np.full((5, 5, 1000), np.nan)}, "X_train has values that are NaN"),
    ],
)
def test_ieeeppg_packed_in_another_form(ppg_packed, changes, reason):
    repacked(ppg_packed, **changes)
    with pytest.raises(ValueError, match=rf"IEEEPPG\.npz .*{reason}"):
        load_ieeeppg(ppg_packed, "train")


@pytest.mark.parametrize("changes", [{"X_test": np.zeros((3, 9, 100))}, {"channels": np.array(["one"])}])
def test_shapes_that_do_not_agree(har_packed, changes):
    repacked(har_packed, **changes)
    with pytest.raises(ValueError, match="They must agree"):
        load_ucihar(har_packed)


@pytest.mark.parametrize("load", [load_ucihar, load_ieeeppg])
@pytest.mark.parametrize("content", [b"", b"PK", b"\x93NUMPY", b"hello" * 50, b"PK\x03\x04" + b"\0" * 60])
def test_packed_files_that_are_none(load, content, tmp_path):
    (tmp_path / "file.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"file\.npz cannot be read .* download it again"):
        load(tmp_path / "file.npz")


def damaged(content, seed):
    """Flip some bits of a file, or cut it off."""
    draw, content = random.Random(seed), bytearray(content)
    if seed % 3 == 0:
        return bytes(content[: draw.randrange(len(content))])
    for _ in range(draw.choice([1, 1, 8])):
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    return bytes(content)


@pytest.mark.parametrize("seed", range(60))
def test_every_damage_of_a_packed_file_is_told(ppg_packed, seed):
    ppg_packed.write_bytes(damaged(ppg_packed.read_bytes(), seed))
    with pytest.raises(ValueError, match=r"IEEEPPG\.npz") as error:  # none of these seeds changes a mere date
        load_ieeeppg(ppg_packed)
    assert len(str(error.value)) < 600


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("name", ["y_test.txt", "activity_labels.txt", "body_acc_x_test.txt"])
def test_damage_of_a_published_file_raises_no_raw_error(har_folder, name, seed):
    (file,) = har_folder.rglob(name)
    file.write_bytes(damaged(file.read_bytes(), seed))
    with contextlib.suppress(ValueError):  # a digit that became another one cannot be noticed
        load_ucihar(har_folder)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("name", ["DATA_01_TYPE01.mat", "DATA_01_TYPE01_BPMtrace.mat"])
def test_damage_of_a_recording_raises_no_raw_error(ppg_matlab, name, seed):
    (file,) = ppg_matlab.rglob(name)
    file.write_bytes(damaged(file.read_bytes(), seed))
    with contextlib.suppress(ValueError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        load_ieeeppg(ppg_matlab, "train")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("y_train.txt", "", "input contained no data"),
        ("y_train.txt", "1\n2\n3\n4\nfive\n", "could not convert"),
        ("y_train.txt", "1\n2\n3\n4\n77\n", r"the classes \['77'\], which have no name"),
        ("body_acc_x_train.txt", "nan " * 128 + "\n", "the table has values that are NaN"),
        ("activity_labels.txt", "1 WALKING extra\n", "dictionary update sequence"),
    ],
)
def test_ucihar_published_in_another_form(har_folder, name, content, reason):
    (file,) = har_folder.rglob(name)
    file.write_text(content)
    with pytest.raises(ValueError, match=f"{name} cannot be read .*{reason}"):
        load_ucihar(har_folder, "train")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"other": np.zeros((6, 1500))}, "it has no sig"),
        ({"sig": np.zeros((3, 1500))}, "sig must have 5 signals, and has 3"),
        ({"sig": np.zeros((6, 1500), dtype=complex) + 1j}, "sig must be real numbers"),
        ({"sig": np.full((6, 1500), np.nan)}, "sig has values that are NaN"),
        ({"sig": "text"}, "sig must be real numbers"),
    ],
)
def test_ieeeppg_recordings_in_another_form(ppg_matlab, content, reason):
    savemat(ppg_matlab / "Training_data" / "DATA_01_TYPE01.mat", content)
    with pytest.raises(ValueError, match=rf"DATA_01_TYPE01\.mat cannot be read .*{reason}"):
        load_ieeeppg(ppg_matlab, "train")


def test_ieeeppg_archive_that_is_none(ppg_archive):
    (ppg_archive / "IEEEPPG_TRAIN.ts").write_text("nothing of the kind\n")
    with pytest.raises(ValueError, match=r"IEEEPPG_TRAIN\.ts must hold windows"):
        load_ieeeppg(ppg_archive, "train")


@pytest.mark.parametrize("load", [load_ucihar, load_ieeeppg])
@pytest.mark.parametrize("path", [None, 3, "", "a\0b"])
def test_what_is_no_path(load, path):
    with pytest.raises((TypeError, ValueError), match="`path`"):
        load(path)


@pytest.mark.parametrize("load", [load_ucihar, load_ieeeppg])
def test_another_packed_file(load, tmp_path):
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(ValueError, match=r"other\.npz is not the packed form of this data set: it holds no channels"):
        load(tmp_path / "other.npz")
