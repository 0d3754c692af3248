"""What the figures advise, in sentences, by how many messages each piece of advice is about."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from intents.catalog import IntentCatalog, spoken_list
from model.decision import Policy, Reason
from model.evaluation import Outcome
from scripts.report.confusion import Pair
from scripts.report.thresholds import Setting, Sweep
from scripts.report.wording import repeated_patterns

FEW_PATTERNS = 10
"""README.md advises as many patterns an intent."""

HARD = 0.8
"""An intent found less often than this is worth a sentence."""

FEW_MESSAGES = 5
"""Of fewer messages the share of an intent says little."""

LEAST_CROSSINGS = 2
"""One message that crosses over may be chance."""

WORTH_A_CHANGE = 0.01
"""Which share of the messages another threshold must bring before it is advised."""

NO_ADVICE = "Nothing stands out: no two intents cross over more than once, and nothing was answered that should not be."

N_EXAMPLES = 5
N_TAGS = 4


@dataclass(frozen=True, slots=True)
class Example:
    """A pattern or message that a piece of advice is about, and the intent that it belongs to, if to one."""

    tag: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to do or to know.

    Parameters
    ----------
    gain
        How many messages it is about: at most so many it can mend; 0 where it is only good to know.
    text
        Sentences; tags and settings stand between backticks.
    examples
        What the sentences are about.
    """

    gain: int
    text: str
    examples: tuple[Example, ...] = ()


def advise(catalog: IntentCatalog, outcomes: Sequence[Outcome], policy: Policy, pairs: Sequence[Pair]) -> list[Advice]:
    """Return everything that the figures advise, what could bring most first; nothing where nothing stands out."""
    found = [
        *_confused(pairs),
        *_short_of_patterns(catalog, outcomes),
        *_out_of_scope(outcomes),
        *_unanswered(outcomes),
        *_threshold(outcomes, policy),
        *_repeated(catalog, outcomes),
        *_about_the_messages(outcomes),
    ]
    return sorted(found, key=lambda advice: -advice.gain)


def counted(n: int, one: str, many: str | None = None) -> str:
    """Return a number and what it counts: ``"1 message"``, ``"2 messages"``; `many` where an s is not enough."""
    return f"{n:,} {one if n == 1 else many or f'{one}s'}"


def _ticked(tag: str | None) -> str:
    """Return a tag between backticks, of which it then holds none itself."""
    return "`{}`".format((tag or "").replace("`", "'"))


def _confused(pairs: Sequence[Pair]) -> Iterator[Advice]:
    for pair in pairs:
        n = len(pair.crossings)
        if n < LEAST_CROSSINGS:
            continue
        crossed = f"{n} of {counted(pair.n, 'message')} cross over"
        names = " and ".join(map(_ticked, pair.tags))
        if pair.causes:
            examples = tuple(Example(cause.tag, cause.pattern) for cause in pair.causes)
            yield Advice(n, f"{names} share wording: {crossed}. Move or reword these patterns:", examples)
        else:
            examples = tuple(
                Example(one.outcome.message.intent, one.outcome.message.text) for one in pair.crossings[:N_EXAMPLES]
            )
            text = f"{names} are taken for each other: {crossed}, and no pattern is near them in wording."
            yield Advice(n, f"{text} Write patterns in the manner of these messages:", examples)


def _short_of_patterns(catalog: IntentCatalog, outcomes: Sequence[Outcome]) -> Iterator[Advice]:
    found: dict[str | None, list[bool]] = defaultdict(list)
    for outcome in outcomes:
        found[outcome.message.intent].append(outcome.is_found)
    for intent in catalog.trainable:
        hits, n_patterns = found[intent.tag], len(intent.patterns)
        missed = len(hits) - sum(hits)
        if n_patterns < FEW_PATTERNS and missed >= LEAST_CROSSINGS and missed > (1 - HARD) * len(hits):
            share = f"{sum(hits) / len(hits):.0%} of its {counted(len(hits), 'message')}"
            text = f"{_ticked(intent.tag)} has only {counted(n_patterns, 'pattern')} and is found in {share}"
            yield Advice(missed, f"{text}: write more, {FEW_PATTERNS} or more different ones.")


def _out_of_scope(outcomes: Sequence[Outcome]) -> Iterator[Advice]:
    outside = [outcome for outcome in outcomes if outcome.is_out_of_scope]
    answered = sorted((one for one in outside if one.is_answered), key=lambda one: -one.decision.score)
    if answered:
        tags = Counter(_ticked(outcome.decision.intent) for outcome in answered)
        named = spoken_list([f"{tag} ({n})" for tag, n in tags.most_common()], N_TAGS)
        text = f"{len(answered)} of {counted(len(outside), 'out-of-scope message')} got an answer, as {named}."
        mend = "Reword patterns there that could mean anything, or make an intent of what is asked often. The surest:"
        yield Advice(len(answered), f"{text} {mend}", _examples(answered, lambda one: one.decision.intent))


def _unanswered(outcomes: Sequence[Outcome]) -> Iterator[Advice]:
    held_back = sorted(
        (outcome for outcome in outcomes if outcome.is_found and not outcome.is_answered),
        key=lambda outcome: -outcome.decision.score,
    )
    if held_back:
        tags = Counter(_ticked(outcome.message.intent) for outcome in held_back)
        named = spoken_list([f"{tag} ({n})" for tag, n in tags.most_common()], N_TAGS)
        text = f"{counted(len(held_back), 'message')} got no answer though the right intent came first: {named}."
        mend = "Write patterns there that are nearer to how people ask:"
        yield Advice(len(held_back), f"{text} {mend}", _examples(held_back, lambda one: one.message.intent))


def _threshold(outcomes: Sequence[Outcome], policy: Policy) -> Iterator[Advice]:
    sweep = Sweep(outcomes, policy.margin)
    live = sweep.at(policy.threshold)
    best = max(sweep.settings(), key=lambda setting: (_balance(setting), -abs(setting.threshold - live.threshold)))
    gain = _balance(best) - _balance(live)
    if gain > WORTH_A_CHANGE * len(outcomes):
        changes = (("wrong", best.n_wrong - live.n_wrong), ("right", best.n_right - live.n_right))
        named = [counted(abs(n), f"{'more' if n > 0 else 'fewer'} {kind} answer") for kind, n in changes if n]
        text = f"`CONFIDENCE_THRESHOLD={best.threshold:.2f}`, in place of {live.threshold:.2f}, would give"
        yield Advice(gain, f"{text} {spoken_list(named, N_TAGS)} on these messages.")


def _balance(setting: Setting) -> int:
    """Return what a threshold is worth, a wrong answer costing what a right one brings."""
    return setting.n_right - setting.n_wrong


def _repeated(catalog: IntentCatalog, outcomes: Sequence[Outcome]) -> Iterator[Advice]:
    repeated = repeated_patterns(catalog)
    if repeated:
        tags = {tag for _, holders in repeated for tag in holders}
        lost = sum(
            outcome.message.intent in tags and outcome.first in tags and not outcome.is_found for outcome in outcomes
        )
        n_repeated = counted(len(repeated), "pattern stands", "patterns stand")
        text = f"{n_repeated} in more than one intent, and nothing can tell which is meant:"
        examples = [Example(" + ".join(holders), pattern) for pattern, holders in repeated[:N_EXAMPLES]]
        yield Advice(lost, f"{text} keep each where it belongs.", tuple(examples))


def _about_the_messages(outcomes: Sequence[Outcome]) -> Iterator[Advice]:
    """Yield what is good to know before the figures are believed."""
    meant: dict[str, set[str | None]] = defaultdict(set)
    for outcome in outcomes:
        meant[f"{outcome.message.text}\0{outcome.message.contexts}"].add(outcome.message.intent)
    contradicted = [key.partition("\0")[0] for key, intents in meant.items() if len(intents) > 1]
    if contradicted:
        n_contradicted = counted(len(contradicted), "message stands", "messages stand")
        text = f"{n_contradicted} in the data with different meanings, of which one at most can be found:"
        yield Advice(len(contradicted), text, tuple(Example(None, text) for text in contradicted[:N_EXAMPLES]))
    n_exact = sum(outcome.decision.reason is Reason.EXACT for outcome in outcomes)
    if n_exact:
        n_equal = counted(n_exact, "message equals", "messages equal")
        text = f"{n_equal} a pattern word for word, which flatters the figures"
        yield Advice(0, f"{text}: measure on messages that nobody wrote as a pattern.")
    sizes = Counter(outcome.message.intent for outcome in outcomes if not outcome.is_out_of_scope)
    few = [_ticked(tag) for tag, n in sizes.items() if n < FEW_MESSAGES]
    if few:
        text = f"{counted(len(few), 'intent has', 'intents have')} fewer than {FEW_MESSAGES} messages here"
        yield Advice(0, f"{text}, too few for figures of their own: {spoken_list(few, N_TAGS)}.")


def _examples(outcomes: Sequence[Outcome], tag: Callable[[Outcome], str | None]) -> tuple[Example, ...]:
    return tuple(Example(tag(outcome), outcome.message.text) for outcome in outcomes[:N_EXAMPLES])
