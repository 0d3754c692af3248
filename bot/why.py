"""Why the bot answered as it did, in words that an admin understands. Pure functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from adapters.base import IncomingMessage
from bot.answers import AnswerLog, GivenAnswer
from bot.quoting import quoted
from intents.catalog import Intent
from model.decision import Decision, Reason
from model.features import NgramFeatures
from model.text import normalise

N_EXPLAINED = 3
"""Of the ranking, how many intents are told."""

LEAST_ALIKE = 0.1
"""The least cosine of a pattern that is called near."""

NOT_KNOWN = (
    "I know nothing of that answer. Reply `/admin why` to an answer of mine, or give its id; an hour later, or after a"
    " restart, it is forgotten."
)


@dataclass(frozen=True, slots=True)
class NearPattern:
    """The training pattern of an intent that is most like a text.

    Parameters
    ----------
    text
        As it stands in the catalog.
    cosine
        Of the word and character n-grams that the model knows, from 0 to 1.
    """

    text: str
    cosine: float


def asked_about(message: IncomingMessage, log: AnswerLog) -> GivenAnswer | None:
    """Return the answer that an admin asks about: by its id, by reply or menu, or the last of the conversation.

    An admin of the bot may read what other members asked: what was asked in the conversation at hand they could read
    anyway. From other conversations only by id, which nobody can guess, and which is told in that conversation alone;
    so no command shows an admin what others ask elsewhere, unless somebody there passed the id on.
    """
    answer_id = message.text.strip()
    if answer_id:
        return log.get(answer_id)
    if message.replied_id is not None:
        return log.find(message.platform, message.conversation_id, message.replied_id)
    return log.latest(message.platform, message.conversation_id)


def nearest_pattern(intent: Intent, text: str, ngrams: NgramFeatures) -> NearPattern | None:
    """Return the pattern of an intent that is most like a text; None if none shares anything with it.

    By the n-grams of the model, in which words weigh as much as characters: the sentence encoder's measure is inside
    the network, which is busy answering.
    """
    asked = _vector(text, ngrams)
    near = max(
        (NearPattern(pattern, float(asked @ _vector(pattern, ngrams)) / 2) for pattern in intent.patterns),
        key=lambda one: one.cosine,
        default=None,
    )
    return near if near is not None and near.cosine >= LEAST_ALIKE else None


def explain(answer: GivenAnswer, intents: Mapping[str, Intent], ngrams: NgramFeatures | None, serving: str) -> str:
    """Return what an admin reads of an answer; blocking, some milliseconds.

    Parameters
    ----------
    answer
        What is asked about.
    intents
        The catalog in service, by tag.
    ngrams
        Of the model in service; without them no near patterns are told.
    serving
        The name of the model in service.
    """
    lines = [f"{quoted(answer.text)} {_outcome(answer)}", "", f"The rule that decided: {_rule(answer, intents)}"]
    decision = answer.decision
    if decision is not None and decision.ranking:
        lines += ["", "The likeliest intents:"]
        for number, ranked in enumerate(decision.ranking[:N_EXPLAINED], start=1):
            intent = intents.get(ranked.tag)
            near = nearest_pattern(intent, answer.text, ngrams) if intent is not None and ngrams is not None else None
            nearest = f", nearest pattern {quoted(near.text)} ({near.cosine:.0%} alike)" if near is not None else ""
            lines.append(f"{number}. {ranked.tag}: {ranked.confidence:.0%}{nearest}")
    lines += ["", f"Active contexts: {', '.join(answer.contexts) or 'none'}."]
    if decision is not None:
        lines.append(
            f"Score {decision.score:.2f}, threshold {answer.threshold:.2f};"
            f" lead {answer.lead:.2f}, margin {answer.margin:.2f}."
        )
    is_serving = answer.model == serving
    lines.append(f"Model {answer.model}{'' if is_serving else f', which {serving} has replaced since'}.")
    lines.append(f"Answer {answer.id}.")
    return "\n".join(lines)


def _outcome(answer: GivenAnswer) -> str:
    return "got a fallback." if answer.intent is None else f"was answered as {answer.intent}."


def _rule(answer: GivenAnswer, intents: Mapping[str, Intent]) -> str:
    """Return which rule decided, in a sentence or two, and what would change it."""
    decision = answer.decision
    if answer.is_choice and decision is None:
        return "a choice was pressed, so the model was not asked."
    if decision is None:
        return "it answered what the bot had asked before, so the model was not asked."
    if answer.intent is not None and answer.intent != decision.intent:
        return f"{answer.intent} had asked for something, and the text was taken as the answer to that."
    return _rule_of_model(answer, decision, intents)


def _rule_of_model(answer: GivenAnswer, decision: Decision, intents: Mapping[str, Intent]) -> str:
    best, second = (*(ranked.tag for ranked in decision.ranking[:2]), "", "")[:2]
    match decision.reason:
        case Reason.EXACT:
            return f"the text is a pattern of {best}, word for word."
        case Reason.CONFIDENT:
            return f"{best} is the likeliest intent, and the score reaches the threshold."
        case Reason.EMPTY:
            return "the text holds no letter or digit."
        case Reason.AMBIGUOUS:
            return (
                f"{best} and {second} are about as likely, and the lead of the first is under the margin. Patterns that"
                " tell the two apart help."
            )
        case _:
            return _unsure(answer, decision, best, _waiting_for_context(answer, intents))


def _unsure(answer: GivenAnswer, decision: Decision, best: str, waiting: Sequence[Intent]) -> str:
    if waiting:
        tags = " and ".join(f"{one.tag} (needs {' or '.join(one.context_filter)})" for one in waiting)
        return f"the text is a pattern of {tags}, but that context was not active, and nothing else fits."
    if not best:
        return "no intent may be meant in these contexts."
    if not decision.score:
        return "the model knows none of the words."
    if decision.reason is Reason.OUT_OF_SCOPE:
        return (
            "the text is more like general talk than like any intent, and the score is under the threshold. If it means"
            " one, teach that: `/admin teach INTENT TEXT`."
        )
    return (
        f"{best} is the likeliest intent, but the score is under the threshold of {answer.threshold:.2f}. If it is"
        f" right, teach it: `/admin teach {best} ...`."
    )


def _waiting_for_context(answer: GivenAnswer, intents: Mapping[str, Intent]) -> list[Intent]:
    """Return the intents that have the text as a pattern, and need a context that was not active."""
    normalised = normalise(answer.text)
    return [
        intent
        for intent in intents.values()
        if intent.context_filter
        and not set(intent.context_filter) & set(answer.contexts)
        and normalised in map(normalise, intent.patterns)
    ]


def _vector(text: str, ngrams: NgramFeatures) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """Return the weights of a text's n-grams, ``(n_ids,)``: of words and of characters, each of length 1."""
    vector = np.zeros(ngrams.n_ids, np.float32)
    ids, weights = ngrams.encode(normalise(text))
    np.add.at(vector, ids, weights)
    return vector
