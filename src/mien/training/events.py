"""What a training reports while it runs."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Start:
    """All checks have passed, and the training begins or goes on.

    Attributes:
        num_train: The faces to train on.
        num_val: The faces to validate on.
        num_steps: The batches of all epochs together.
        chance: The accuracy, 0 to 1, of naming the most frequent class of the faces to validate on every time.
        initialized: Whether it began with trained weights.
    """

    num_train: int
    num_val: int
    num_steps: int
    chance: float
    initialized: bool


@dataclass(frozen=True, slots=True)
class Step:
    """The state of an epoch after some of its batches; epochs and steps are counted from 1.

    `num_steps` are the batches of this epoch. Loss and accuracy, 0 to 1, are means over the epoch so far, on augmented
    faces.
    """

    epoch: int
    step: int
    num_steps: int
    loss: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Epoch:
    """The figures of one epoch: a line of `metrics.jsonl`.

    Attributes:
        epoch: The number of the epoch, from 1.
        learning_rate: The learning rate of its last step.
        train_loss: The mean over the epoch of all the recipe's losses together.
        train_accuracy: The accuracy on augmented faces while the weights were changing, 0 to 1.
        plain_train_loss: Like `val_loss`, on a sample of the training split's faces as they are.
        plain_train_accuracy: Like `val_accuracy`, on the same sample. How far it is above shows the overfitting, which
            `train_accuracy` hides behind dropout and augmentation.
        val_loss: The negative log-likelihood of the validation split, in nats.
        val_accuracy: The accuracy on the validation split, 0 to 1.
        seconds: The time the epoch took.
        kept: The model's file name if the validation loss fell below all before, else None.
    """

    epoch: int
    learning_rate: float
    train_loss: float
    train_accuracy: float
    plain_train_loss: float
    plain_train_accuracy: float
    val_loss: float
    val_accuracy: float
    seconds: float
    kept: str | None


Event = Start | Step | Epoch
