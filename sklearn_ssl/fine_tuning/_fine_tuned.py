"""Pretraining first, labels after."""

import abc
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from sklearn_ssl._encoder_transformer import EncoderTransformer
from sklearn_ssl._hyperparameters import choice, number
from sklearn_ssl._net import SSLNet, resolved_batch_size
from sklearn_ssl._series import SeriesDataset
from sklearn_ssl._validation import Collection
from sklearn_ssl.architectures import FineTunedArchitecture
from sklearn_ssl.encoders import stages
from sklearn_ssl.fine_tuning._base import EncoderPredictor
from sklearn_ssl.fine_tuning._datasets import LabelledDataset
from sklearn_ssl.fine_tuning._labels import Labels


class FineTuned(EncoderPredictor, abc.ABC):
    """A predictor whose transformer is pretrained before labels come in.

    Parameters
    ----------
    mode : {"finetune", "gradual", "probe"}, default="finetune"
        What learns from the labels: encoder and head ("finetune"); the head first and then, one after another, the
        stages of the encoder from the top ("gradual"); the head alone ("probe"), where a linear one stays the solution
        it starts from.
    n_frozen : int, default=0
        How many of the encoder's lowest stages never change.
    layer_decay : float, default=0.75
        Factor in (0, 1] by which the learning rate falls from stage to stage, downwards from the head: low stages are
        the most general ones.
    norm_statistics : {"keep", "update"}, default="keep"
        Whether batch normalisation keeps the means and variances of pretraining, or takes those of each labelled batch
        as in training from scratch.
    max_epochs : int, default=50
        Passes over the labelled series.
    batch_size : int or "auto", default="auto"
        Labelled series per step, at least 2. "auto" is the power of two next to a quarter of them, from 8 to 256.
    lr : float, default=1e-4
        Highest learning rate, that of the head; training warms up to it and then decays it to zero along a cosine.
    """

    mode: str = choice("finetune", "gradual", "probe", default="finetune")
    n_frozen: int = number(default=0, least=0, integer=True)
    layer_decay: float = number(default=0.75, above=0, most=1)
    norm_statistics: str = choice("keep", "update", default="keep")
    max_epochs: int | str = number(default=50, least=0, integer=True)
    batch_size: int | str = number(default="auto", least=2, integer=True, or_else=("auto",))
    lr: float = number(default=1e-4, above=0)

    def _start_of(self, transformer: Any, X: Any) -> EncoderTransformer:
        return transformer.fit(X)

    def _architecture(self, labels: Labels) -> Callable[..., FineTunedArchitecture]:
        return partial(
            FineTunedArchitecture,
            n_frozen=None if self.mode == "probe" else self.n_frozen,
            gradual=self.mode == "gradual",
            update_statistics=self.norm_statistics == "update",
        )

    def _batch_size(self, collection: Collection, labels: Labels) -> int:
        return resolved_batch_size(self.batch_size, len(labels))

    def _dataset(self, net: SSLNet, collection: Collection, labels: Labels) -> LabelledDataset:
        return LabelledDataset(collection, labels, torch.device(net.device))

    def _optimizer_params(self) -> dict[str, Any]:
        pretrained = self.transformer_.net_.module_
        names = {id(part): name for name, part in pretrained.named_modules()}
        from_top = enumerate(stages(pretrained.encoder)[::-1], start=1)
        rates = [
            (f"backbone.{names[id(part)]}.*", {"lr": self.lr * self.layer_decay**below})
            for below, stage in from_top
            for part in stage
        ]
        return {"optimizer__param_groups": rates}

    def _planned(self, net: SSLNet, dataset: SeriesDataset) -> tuple[int, int]:
        if self.mode == "probe" and self.head_width is None:  # a linear probe has nothing left to learn
            return 0, 0
        return super()._planned(net, dataset)
