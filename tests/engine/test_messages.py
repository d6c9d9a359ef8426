"""What a training says, and where: lines of epochs, a resumed fit, warnings at the line of the caller."""

import sys
import warnings

import pytest
from shared import small
from sklearn.pipeline import make_pipeline
from skorch.callbacks import Checkpoint, EarlyStopping
from skorch.dataset import ValidSplit
from torch import nn

from sklearn_ssl import MoCoTransformer
from sklearn_ssl._engine.checkpoint import EpochCheckpoint
from sklearn_ssl.datasets import make_waves

X, y = make_waves(n_cases=20, n_channels=2, n_timepoints=30, random_state=0)


class Constant(nn.Module):
    def __init__(self, n_channels):
        super().__init__()
        self.conv = nn.Conv1d(n_channels, 4, 1)

    def forward(self, x):
        return 0 * self.conv(x) + 1


def test_no_colours_in_a_pipe(capsys):
    small(verbose=1).fit(X)
    printed = capsys.readouterr().out
    assert "train_loss" in printed
    assert len(printed.splitlines()) == 2 + 3
    assert "\x1b" not in printed


def test_colours_in_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    small(verbose=1).fit(X)
    assert "\x1b[36m" in capsys.readouterr().out


@pytest.mark.parametrize("verbose", [0, 1])
def test_a_resumed_fit_says_so(verbose, tmp_path, monkeypatch, capsys):
    write = EpochCheckpoint.on_epoch_end

    def write_and_fail(checkpoint, net, **kwargs):
        write(checkpoint, net, **kwargs)
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(EpochCheckpoint, "on_epoch_end", write_and_fail)
        with pytest.raises(RuntimeError):
            small(checkpoint=tmp_path).fit(X)
    small(checkpoint=tmp_path, verbose=verbose).fit(X)
    assert ("The fit goes on after 1 of 3 epochs" in capsys.readouterr().out) == bool(verbose)


@pytest.mark.parametrize(
    "fit",
    [
        lambda: small(encoder=Constant).fit(X),
        lambda: make_pipeline(small(encoder=Constant)).fit(X),
        lambda: make_pipeline(MoCoTransformer(queue_size=99, encoder=Constant, max_epochs=0)).fit_transform(X),
    ],
    ids=["collapse", "in a pipeline", "queue"],
)
def test_warnings_point_at_the_line_of_the_caller(fit):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit()
    assert caught
    assert {warning.filename for warning in caught} == {__file__}


@pytest.mark.parametrize("callback", [EarlyStopping(), ("stop", EarlyStopping(monitor="valid_loss")), Checkpoint()])
def test_a_monitor_of_series_that_nobody_holds_out_is_refused_before_any_work(callback):
    with pytest.raises(ValueError, match=r'watches "valid_loss(_best)?", but no series are held out.*"train_loss'):
        small(net_params={"callbacks": [callback]}).fit(X)


def test_both_remedies_work():
    small(net_params={"callbacks": [EarlyStopping(monitor="train_loss", sink=print)]}).fit(X)
    small(net_params={"callbacks": [EarlyStopping(sink=print)], "train_split": ValidSplit(5)}).fit(X)
