"""Data loaders from configuration, and an order of items that a resumed run continues exactly."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, Dataset, DistributedSampler

from mug.data.packed import PackedItems, Packing, collate, unpacked
from mug.errors import ConfigError, DataError
from mug.util import instantiate_from_config

_LOG = logging.getLogger(__name__)


class EpochSampler(
    DistributedSampler[Any]
):  # Lightning replaces samplers of other classes under DDP
    """Yields `(epoch, index)`: all indices once an epoch, in an order that `(seed, epoch)` decides.

    With `repeat`, each index comes so often an epoch, as one of as many short epochs, so that it
    gets a new augmentation each time.

    Args:
        length: number of items.
        seed: of the order.
        shuffle: otherwise the order is 0, 1, 2 ...
        replicas: number of processes; each gets every n-th item, and as many as the others.
        rank: which of them this is.
        batch_size: items of one process a batch; the unit of `start_at`.
        repeat: how often each item comes an epoch.
    """

    def __init__(
        self,
        length: int,
        *,
        seed: int = 0,
        shuffle: bool = True,
        replicas: int = 1,
        rank: int = 0,
        batch_size: int = 1,
        repeat: int = 1,
    ) -> None:
        every = range(length * repeat)
        super().__init__(every, replicas, rank, shuffle, seed)  # type: ignore[arg-type]
        self.batch_size, self.length, self.repeat = batch_size, length, repeat
        self._skipped_items = 0

    def start_at(self, epoch: int, batches: int) -> None:
        """Begin in the middle of an epoch, after so many batches."""
        self.epoch, self._skipped_items = epoch, batches * self.batch_size

    def set_epoch(self, epoch: int) -> None:
        """Choose the order; another epoch than the current one starts at its beginning."""
        if epoch != self.epoch:
            self.start_at(epoch, 0)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """The rest of the current epoch for this process."""
        indices = list(super().__iter__())[self._skipped_items :]
        rounds = [divmod(int(index), self.length) for index in indices]
        return iter([(self.epoch * self.repeat + turn, index) for turn, index in rounds])


class _TrainLoader(DataLoader[Any]):
    """A loader of which Lightning knows that it can be resumed; `DataModuleFromConfig` does it."""

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """The sampler has its place already, see `DataModuleFromConfig.load_state_dict`."""


def _travelling(dataset: Dataset[Any]) -> Dataset[Any]:
    """The dataset as loaders read it: spectrograms packed where it can do that."""
    return PackedItems(dataset) if isinstance(dataset, Packing) else dataset


def merged_params(
    own: Mapping[str, Any] | None, common: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return the parameters of one dataset and of all; the latter win, inside groups too."""
    found = dict(own or {})
    for name, value in (common or {}).items():
        inner = found.get(name)
        both = isinstance(inner, Mapping) and isinstance(value, Mapping)
        found[name] = merged_params(inner, value) if both else value
    return found


class DataModuleFromConfig(pl.LightningDataModule):
    """Datasets and loaders from `target:` / `params:` mappings.

    Training items are asked for by `(epoch, index)`, so that augmentation follows from the seed
    alone. The checkpoint holds how far the epoch is, so that a resumed run sees the items that the
    interrupted one would have seen. Validation and test items are asked for by index.

    Args:
        batch_size: items a batch, for each process.
        train: dataset to train on.
        validation: dataset to validate with.
        test: dataset to test with.
        predict: dataset to predict with.
        num_workers: loader processes; None stands for twice the batch size, as in the original.
        common_params: parameters of all datasets; they win over a dataset's own.
        shuffle_test_loader: shuffles the test items.
        shuffle_val_dataloader: shuffles the validation items.
        seed: of the order of items.
        repeat: how often each training item comes an epoch, each time augmented differently; for
            datasets so small that epochs would be over at once.
    """

    def __init__(  # noqa: PLR0913, PLR0917  # its arguments are the keys of the YAML file
        self,
        batch_size: int,
        train: Mapping[str, Any] | None = None,
        validation: Mapping[str, Any] | None = None,
        test: Mapping[str, Any] | None = None,
        predict: Mapping[str, Any] | None = None,
        num_workers: int | None = None,
        common_params: Mapping[str, Any] | None = None,
        shuffle_test_loader: bool = False,
        shuffle_val_dataloader: bool = False,
        seed: int = 23,
        repeat: int = 1,
    ) -> None:
        super().__init__()
        if repeat < 1:
            raise ConfigError("data.repeat_must_be_positive_whole_number", value=repeat)
        self.batch_size, self.repeat = batch_size, repeat
        self.num_workers = 2 * batch_size if num_workers is None else num_workers
        self.seed = seed
        named = {"train": train, "validation": validation, "test": test, "predict": predict}
        self.dataset_configs = {
            name: {**config, "params": merged_params(config.get("params"), common_params)}
            for name, config in named.items()
            if config is not None
        }
        self._shuffled = {"validation": shuffle_val_dataloader, "test": shuffle_test_loader}
        self.datasets: dict[str, Dataset[Any]] = {}
        self._start: dict[str, int] | None = None
        # Lightning validates, tests and predicts where these hooks differ from its own.
        for name, hook in (("validation", "val"), ("test", "test"), ("predict", "predict")):
            if name not in self.dataset_configs:
                inherited = getattr(pl.LightningDataModule, f"{hook}_dataloader")
                setattr(self, f"{hook}_dataloader", inherited.__get__(self))

    def setup(self, stage: str | None = None) -> None:
        """Build the datasets that the stage needs.

        Raises:
            DataError: when one of them is empty.
        """
        needed = {
            "fit": ("train", "validation"),
            "validate": ("validation",),
            "test": ("test",),
            "predict": ("predict",),
        }.get(stage or "", tuple(self.dataset_configs))
        for name in needed:
            if name in self.dataset_configs and name not in self.datasets:
                dataset = instantiate_from_config(self.dataset_configs[name])
                if not len(dataset):
                    raise DataError(
                        "data.dataset_is_empty",
                        name=name,
                        remedy="remedy.add_songs_to_list_or_give",
                    )
                self.datasets[name] = dataset

    def train_dataloader(self) -> DataLoader[Any]:
        """The training items in the order of the seed; after a resume, the rest of the epoch."""
        dataset = self._dataset("train")
        trainer = self.trainer
        sampler = EpochSampler(
            len(dataset),  # type: ignore[arg-type]
            seed=self.seed,
            replicas=trainer.world_size if trainer else 1,
            rank=trainer.global_rank if trainer else 0,
            batch_size=self.batch_size,
            repeat=self.repeat,
        )
        sampler.set_epoch(trainer.current_epoch if trainer else 0)
        if self._start is not None:
            self._resume(sampler, self._start)
            self._start = None
        return _TrainLoader(_travelling(dataset), sampler=sampler, **self._loader_options(dataset))

    def val_dataloader(self) -> DataLoader[Any]:
        """The validation items."""
        return self._plain_loader("validation")

    def test_dataloader(self) -> DataLoader[Any]:
        """The test items."""
        return self._plain_loader("test")

    def predict_dataloader(self) -> DataLoader[Any]:
        """The items to predict with."""
        return self._plain_loader("predict")

    def state_dict(self) -> dict[str, Any]:
        """Progress of training: the epoch and the items of it that were trained on."""
        trainer = self.trainer
        if trainer is None or "train" not in self.datasets:
            return {}
        loop = trainer.fit_loop
        epoch = max(loop.epoch_progress.current.ready - 1, 0)
        batches = loop.epoch_loop.batch_progress.current.processed  # type: ignore[attr-defined]
        if batches >= loop.max_batches:
            epoch, batches = epoch + 1, 0
        return {
            "epoch": epoch,
            "items": batches * self.batch_size * trainer.world_size,
            "length": self._length(),
            "seed": self.seed,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the place up again when the training loader is made."""
        self._start = state_dict or None

    def _resume(self, sampler: EpochSampler, start: Mapping[str, int]) -> None:
        items_a_batch = self.batch_size * sampler.num_replicas
        same = start["length"] == self._length() and start["seed"] == self.seed
        if start["items"] and (not same or start["items"] % items_a_batch):
            _LOG.warning(
                "The seed, the batch size or the number of items (%d, was %d) changed: the items "
                "of the rest of this epoch are not those of the interrupted run",
                self._length(),
                start["length"],
            )
        sampler.start_at(start["epoch"], start["items"] // items_a_batch)

    def _length(self) -> int:
        """Training items an epoch."""
        return len(self._dataset("train")) * self.repeat  # type: ignore[arg-type]

    def _plain_loader(self, name: str) -> DataLoader[Any]:
        shuffle = self._shuffled.get(name, False)
        generator = torch.Generator().manual_seed(self.seed)
        dataset = self._dataset(name)
        options = self._loader_options(dataset)
        return DataLoader(_travelling(dataset), shuffle=shuffle, generator=generator, **options)

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Make spectrograms of packed ones, where the network is."""
        return unpacked(batch) if isinstance(batch, dict) else batch

    def _dataset(self, name: str) -> Dataset[Any]:
        if name not in self.datasets:
            if name not in self.dataset_configs:
                raise DataError("data.config_has_no_dataset", name=name)
            self.setup({"train": "fit", "validation": "validate"}.get(name, name))
        return self.datasets[name]

    def _loader_options(self, dataset: Dataset[Any]) -> dict[str, Any]:
        packs = {"collate_fn": collate} if isinstance(dataset, Packing) else {}
        return {
            **packs,
            "batch_size": self.batch_size,
            "num_workers": self.num_workers,
            "persistent_workers": self.num_workers > 0,
            "pin_memory": torch.cuda.is_available(),
        }
