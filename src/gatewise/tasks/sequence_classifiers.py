"""What classifications of sequences have in common, with one class or with any number of labels."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from gatewise.cells.base import CellType
from gatewise.cells.catalogue import is_decaying
from gatewise.data.sequences.augmentation import Augmentation
from gatewise.data.sequences.gaps import GapKind
from gatewise.data.sequences.sequences import ScaledSequences
from gatewise.errors import GatewiseError
from gatewise.modules.sequence_encoder import ConvolutionKind
from gatewise.tasks.options import Count, Depth, TaskOptions
from gatewise.tasks.sequence_options import SequenceDataOptions, SequenceNetworkOptions

FILTERS: dict[ConvolutionKind, int] = {"plain": 64, "inception": 128}  # of an LSTM-FCN


class ClassifierDataOptions(SequenceDataOptions):
    """The data"""

    class_weights: Literal["equal", "balanced"] = Field(
        "equal",
        description="Give each example, or each class of the training set, the same weight in the loss; with "
        "several labels, balanced gives the presence and the absence of each the same weight.",
    )
    folds: Annotated[int, Field(ge=1, le=100)] = Field(
        1,
        description="Folds of a cross-validation: for each fold a network is trained on the others, and the "
        "probabilities are averaged; 1 for one validation set.",
    )


class ClassifierNetworkOptions(SequenceNetworkOptions):
    """The network"""

    network: Literal["hybrid", "lstm-fcn", "stack"] = Field(
        "hybrid",
        description="Recurrent layers averaged with ridge regression on random convolutions (MiniRocket); "
        "recurrent layers beside convolutions that are trained too (LSTM-FCN); or recurrent layers alone.",
    )
    convolutions: ConvolutionKind = Field(
        "plain",
        description="Convolutions of an LSTM-FCN: three plain blocks with squeeze-and-excitation, or "
        "the six inception blocks of InceptionTime.",
    )
    ensemble: Depth = Field(
        1, description="Number of networks that are trained together; their probabilities are averaged."
    )


class ClassifierOptions(TaskOptions, ClassifierNetworkOptions, ClassifierDataOptions):
    """The training"""

    augmentation: tuple[Augmentation, ...] = Field(
        (),
        description="Random changes of training sequences: jitter, scaling, warping, mixup; separated by "
        "commas in a shell.",
    )
    min_steps_per_epoch: Count = Field(
        50, description="The minimum number of steps per epoch; small datasets are repeated."
    )


def display_name(options: ClassifierNetworkOptions, cell: str) -> str:
    """The name of a network with this cell."""
    convolutional = {"plain": f"{cell}-fcn", "inception": f"{cell}-inception"}[options.convolutions]
    return {"hybrid": f"hybrid-{cell}", "lstm-fcn": convolutional, "stack": cell}[options.network]


def network_arguments(
    options: ClassifierOptions, cell: CellType, folded: ScaledSequences | None, channels: int, gaps: GapKind
) -> dict[str, Any]:
    """The arguments of a recurrent network, or a hybrid of it, that do not depend on the kind of labels.

    folded: all examples with their folds; None without a cross-validation
    """
    arguments = {
        "members": options.ensemble if folded is None else folded.fold_count,
        "cell": cell,
        "channels": channels,
        "hidden": options.hidden,
        "layers": options.layers,
        "heads": options.heads,
        "dropout": options.dropout,
        "bidirectional": options.bidirectional,
        "pooling": options.pooling,
        "gaps": gaps,
        "decay": is_decaying(cell),
    }
    if options.network == "lstm-fcn":
        arguments |= {"filters": FILTERS[options.convolutions], "convolutions": options.convolutions}
    return arguments


def check_options(options: ClassifierOptions) -> None:
    """Raises: `GatewiseError` if options of the networks or of the training exclude each other."""
    if options.folds > 1 and options.ensemble > 1:
        raise GatewiseError(
            f"--folds {options.folds} is an ensemble of {options.folds} networks; leave --ensemble out"
        )
    if options.convolutions != "plain" and options.network != "lstm-fcn":
        raise GatewiseError(f"--convolutions {options.convolutions} is for --network lstm-fcn")
    mixing = [one for one in options.augmentation if one in ("warping", "mixup")]
    if mixing and options.reads_gaps:
        raise GatewiseError(
            f"--augmentation {mixing[0]} moves values in time, which does not fit --fill mask and "
            "--irregular; give jitter or scaling"
        )
    if options.augmentation.count("mixup") > 1:
        raise GatewiseError("--augmentation has mixup twice; a sequence is mixed with one other")


def refuse_folds(options: ClassifierDataOptions) -> None:
    """Raises: `GatewiseError` if a model that is to be trained further has folds."""
    if options.folds > 1:
        raise GatewiseError(
            f"a model with --folds {options.folds} can't be trained further; train a new model"
        )


def describe_folds(count: int, sequences: int) -> str:
    """A note on the folds of the sequences that are not in the test set."""
    return (
        f"networks: {count} folds of the training and validation sets, {sequences} sequences; each network "
        "is trained on all folds but one"
    )
