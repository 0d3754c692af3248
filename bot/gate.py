"""What a new classifier must pass before it serves: stories, and a regression file.

Blocking work, for a thread beside the event loop. What it compares with is the classifier in service: what that one
does not do either refuses nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.resting import resting
from intents.catalog import spoken_list
from model.classifier import IntentClassifier
from model.labelled import LabelledFileError, LabelledMessage, read_labelled

N_NAMED = 5
"""How many stories an error names before it says that there are more."""


class GateError(Exception):
    """A new classifier does not serve; its text says why."""

    check = ""
    """What it did not pass, as admins read it."""


class StoriesDifferError(GateError):
    """Conversations that must come out the same do not; its text names them, and the command that shows how."""

    check = "stories"


class RegressionError(GateError):
    """Labelled messages are understood less well than before, or cannot be read."""

    check = "regression file"


@dataclass(frozen=True, slots=True)
class StoryGate:
    """Conversations that a new classifier must lead as written, if the one in service does, before it serves.

    Parameters
    ----------
    path
        A file of stories, or a directory of them.
    action_modules
        The modules whose functions intents may call.
    """

    path: Path
    action_modules: tuple[str, ...]

    def check(self, classifier: IntentClassifier, serving: IntentClassifier | None) -> tuple[str, ...]:
        """Play all stories, and return what the admin should know of them; for a thread without an event loop.

        Raises
        ------
        StoriesDifferError
            A story came out otherwise that does not in service, or the stories cannot be read.
        """
        from bot.story_check import StoryError, compare, stories_of  # noqa: PLC0415 - of no use to serving

        try:
            stories = stories_of(self.path)
        except StoryError as error:
            raise StoriesDifferError(f"the stories cannot be played: {error}") from error
        differing, worse = compare(stories, classifier, serving, action_modules=self.action_modules)
        shown = f"`python -m scripts.converse {self.path}` shows how"
        if worse:
            names = spoken_list(sorted(worse), N_NAMED)
            raise StoriesDifferError(f"{len(worse)} of {len(stories)} stories come out otherwise ({names}): {shown}")
        if differing:
            return (f"{len(differing)} of {len(stories)} stories come out otherwise, as they did before: {shown}",)
        return ()


@dataclass(frozen=True, slots=True)
class RegressionGate:
    """Labelled messages of which a new classifier must rank as many right as the one in service, or nearly.

    Parameters
    ----------
    path
        The file, as for `scripts.evaluate`.
    margin
        By how much the share of those ranked right may be lower, from 0 to 1.
    """

    path: Path
    margin: float

    def check(self, classifier: IntentClassifier, serving: IntentClassifier | None) -> tuple[str, ...]:
        """Ask both about all messages, and return what the admin should know.

        Raises
        ------
        RegressionError
            The new one ranks fewer right, or the file cannot be used.
        """
        known = {*classifier.intents, *(serving.intents if serving is not None else ())}
        try:
            messages = read_labelled(self.path, tuple(known))
        except LabelledFileError as error:
            raise RegressionError(str(error)) from error
        inside = [one for one in messages if one.intent is not None]
        if not inside:
            raise RegressionError(f"{self.path}: no message has an intent, so there is no accuracy to compare")
        new = _accuracy(inside, classifier)
        if serving is None:
            return (f"{new:.1%} of {len(inside)} labelled messages are understood.",)
        old = _accuracy(inside, serving)
        compared = f"{new:.1%} of {len(inside)} labelled messages are understood, {old:.1%} before"
        if new < old - self.margin:
            shown = f"`python -m scripts.evaluate --data {self.path}` shows the figures"
            raise RegressionError(f"{compared}: more than {self.margin:.1%} fewer; {shown} of the model in service")
        return (f"{compared}.",)


@dataclass(frozen=True, slots=True)
class Gate:
    """All that a reload must pass.

    Parameters
    ----------
    stories, regression
        Each None where the operator named none.
    """

    stories: StoryGate | None = None
    regression: RegressionGate | None = None

    def check(
        self, classifier: IntentClassifier, serving: IntentClassifier | None, *, compare_accuracy: bool = True
    ) -> tuple[str, ...]:
        """Return what the admin should know.

        Parameters
        ----------
        classifier
            Would serve.
        serving
            In service now.
        compare_accuracy
            Whether the labelled messages are asked: not where an admin goes back to what was good enough before.

        Raises
        ------
        GateError
            Something is worse than in service.
        """
        notes: tuple[str, ...] = ()
        if self.stories is not None:
            notes += self.stories.check(classifier, serving)
        if self.regression is not None and compare_accuracy:
            notes += self.regression.check(classifier, serving)
        return notes


def _accuracy(messages: Sequence[LabelledMessage], classifier: IntentClassifier) -> float:
    """Return the share of messages whose intent is the first of the ranking, before the threshold."""
    n_right = 0
    for one in messages:
        with resting():
            ranking = classifier.classify(one.text, one.contexts).ranking
        n_right += bool(ranking) and ranking[0].tag == one.intent
    return n_right / len(messages)
