"""Brings a bot into a state that the validator accepts: what it would call an error is mended here, and noted."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from intents.catalog import Builtin, Choice, Response, SetContext
from scripts.importers.drafts import LINK, Answer, Bot, Draft, Ledger, Text, clean

STAND_IN = "I know what you mean, but I have no answer to it yet."
HANDOFF = "I can ask a person to help you."
MAX_CHOICES = 25
MAX_TITLE = 80
GENERAL = frozenset({"display_name", "server"})
"""The placeholders that every response may hold."""

NAMES_OF_THE_MEMBER = frozenset({"name", "user_name", "username", "first_name", "firstname", "person", "user"})
_BUILTINS = frozenset(Builtin)
_BRACED = re.compile(r"\{([^\W\d][^{}\s]*)\}")
_DOUBLED = re.compile(r"\{\{[^{}]*\}\}")

Normalise = Callable[[str], str]


def finish(bot: Bot, ledger: Ledger, normalise: Normalise) -> None:
    """Mend a bot in place."""
    for draft in _all(bot):
        _merge_patterns(draft, ledger, normalise)
    _drop_silent(bot, ledger)
    _drop_shared_patterns(bot, ledger, normalise)
    _drop_silent(bot, ledger)
    _mend_contexts(bot, ledger)
    tags = {tag for top in bot.drafts for tag, _ in top.family()}
    for top in bot.drafts:
        _mend_family(top, top.tag, frozenset(), tags, ledger)
    bot.fallback = _mended_answers(bot.fallback, frozenset(), "", tags, ledger)


def _all(bot: Bot) -> Iterator[Draft]:
    for top in bot.drafts:
        yield from (draft for _, draft in top.family())


def _bare(pattern: str) -> str:
    return LINK.sub(r"\1", pattern)


def _merge_patterns(draft: Draft, ledger: Ledger, normalise: Normalise) -> None:
    """Drop patterns that say nothing, or the same as another of the intent; prefer the one with annotations."""
    kept: dict[str, Text] = {}
    for pattern in draft.patterns:
        normalised = normalise(_bare(pattern.text))
        if not normalised:
            ledger.lose("patterns", pattern.place, repr(pattern.text), "left out: it holds no letter or digit")
        elif normalised not in kept or (LINK.search(pattern.text) and not LINK.search(kept[normalised].text)):
            kept[normalised] = pattern
    draft.patterns = list(kept.values())


def _drop_silent(bot: Bot, ledger: Ledger) -> None:
    """Drop intents that nothing could choose."""

    def keeps(draft: Draft, name: str) -> bool:
        draft.followups = {key: one for key, one in draft.followups.items() if keeps(one, key)}
        if draft.patterns or name in _BUILTINS:
            return True
        n_lost = sum(len(one.patterns) for _, one in draft.family())
        why = "left out: it has no examples; write some and import again, or add it by hand"
        ledger.lose("intents", draft.place, f"intent {draft.tag}", why, sum(1 for _ in draft.family()))
        ledger.lost["patterns"] += n_lost
        return False

    bot.drafts = [draft for draft in bot.drafts if keeps(draft, "")]


def _drop_shared_patterns(bot: Bot, ledger: Ledger, normalise: Normalise) -> None:
    """Keep a text in the first of the intents that could both be meant by it."""
    holders: dict[str, list[tuple[str, frozenset[str]]]] = {}
    for top in bot.drafts:
        for tag, draft in top.family():
            parent = tag.rpartition(".")[0]
            contexts = frozenset([parent] if parent else draft.context_filter)
            kept = []
            for pattern in draft.patterns:
                held = holders.setdefault(normalise(_bare(pattern.text)), [])
                other = next((name for name, needs in held if needs & contexts or not (needs or contexts)), None)
                if other is None:
                    kept.append(pattern)
                    held.append((tag, contexts))
                else:
                    why = f"left out of {tag}: it is an example of {other} too, and both can be meant at once"
                    ledger.lose("patterns", pattern.place, repr(pattern.text), why)
            draft.patterns = kept


def _mend_contexts(bot: Bot, ledger: Ledger) -> None:
    known = {one.name for draft in _all(bot) for one in draft.context_set}
    known |= {tag for top in bot.drafts for tag, draft in top.family() if draft.followups}
    for draft in _all(bot):
        draft.context_set = list({one.name: one for one in draft.context_set}.values())
        for name in [one for one in draft.context_filter if one not in known]:
            draft.context_filter.remove(name)
            why = "left out: nothing that was carried over sets this context; the intent is available at any time"
            ledger.lose("contexts", draft.place, f"context {name} of {draft.tag}", why)
    used = {name for draft in _all(bot) for name in draft.context_filter}
    for draft in _all(bot):
        draft.context_set = [one for one in draft.context_set if one.name in used or not _is_followup_context(one)]


def _is_followup_context(context: SetContext) -> bool:
    return context.name.endswith("followup")


def _mend_family(draft: Draft, tag: str, inherited: frozenset[str], tags: set[str], ledger: Ledger) -> None:
    """Mend the responses and prompts of an intent and its follow-ups, whose placeholders may be of their parent."""
    names = inherited | set(draft.slots)
    for slot in draft.slots.values():
        slot.prompts = [_placeholders(clean(text), names, slot.place, ledger) for text in slot.prompts]
        slot.prompts = list(dict.fromkeys(text for text in slot.prompts if text))
        if slot.required and not slot.prompts:
            slot.prompts = [f"Which {slot.name.replace('_', ' ')}?"]
            ledger.note(slot.place or draft.place, f"slot {slot.name}", "had no prompt: improve the one made up for it")
    draft.answers = _mended_answers(draft.answers, names, tag, tags, ledger)
    is_builtin = tag.rpartition(".")[2] in {Builtin.REPEAT, Builtin.CANCEL} and "." in tag
    if not draft.answers and draft.handoff:
        draft.answers = [Answer(Response(HANDOFF), draft.place)]
    if not draft.answers and not is_builtin:
        draft.answers = [Answer(Response(STAND_IN), draft.place)]
        draft.comment = "\n".join(filter(None, (draft.comment, "TODO: write the answer")))
        ledger.find("answered intents")
        ledger.lose("answered intents", draft.place, f"intent {tag}", "no answer could be carried over: write one")
    else:
        ledger.find("answered intents")
    for name, followup in draft.followups.items():
        _mend_family(followup, f"{tag}.{name}", frozenset(draft.slots), tags, ledger)


def _mended_answers(
    answers: Sequence[Answer], names: frozenset[str], tag: str, tags: set[str], ledger: Ledger
) -> list[Answer]:
    mended: dict[str, Answer] = {}
    for response, place in answers:
        when = response.when
        foreign = {name: values for name, values in when.slots.items() if name not in names}
        if foreign:
            why = f"the condition on {', '.join(foreign)} is left out: no slot of the intent; it is said in any case"
            ledger.lose("conditions", place, f"a response of {tag}", why, len(foreign))
            when = replace(when, slots={name: values for name, values in when.slots.items() if name not in foreign})
        text = _placeholders(clean(response.text), names, place, ledger)
        choices = _choices(response.choices, tag, tags, place, ledger)
        found = replace(response, text=text, when=when, choices=choices)
        if text or response.attachments:
            mended.setdefault(repr(found), Answer(found, place))  # its mappings have no hash
    return list(mended.values())


def _placeholders(text: str, names: frozenset[str], place: str, ledger: Ledger) -> str:
    """Double the braces around names that nothing fills."""
    known: Mapping[str, str] = {name.casefold(): name for name in (*names, *GENERAL)}

    def replacement(match: re.Match[str]) -> str:
        name = match[1]
        if name in names or name in GENERAL:
            return match[0]
        if name.casefold() in known:
            return "{" + known[name.casefold()] + "}"
        if name.casefold() in NAMES_OF_THE_MEMBER:
            return "{display_name}"
        ledger.find("placeholders")
        why = "nothing fills it here: it is printed as it stands; give the intent a slot of this name, or reword it"
        ledger.lose("placeholders", place, match[0], why)
        return "{" + match[0] + "}"

    parts, at = [], 0
    for doubled in _DOUBLED.finditer(text):
        parts += [_BRACED.sub(replacement, text[at : doubled.start()]), doubled[0]]
        at = doubled.end()
    return "".join([*parts, _BRACED.sub(replacement, text[at:])])


def _choices(choices: Sequence[Choice], tag: str, tags: set[str], place: str, ledger: Ledger) -> tuple[Choice, ...]:
    kept: dict[str, Choice] = {}
    for choice in choices:
        title, intent = " ".join(clean(choice.title).split()), choice.intent
        if len(title) > MAX_TITLE:
            ledger.note(place, f"choice {title[:30]!r}...", f"shortened to {MAX_TITLE} characters")
            title = title[: MAX_TITLE - 1] + "…"
        if intent is not None and f"{tag}.{intent}" in tags:
            intent = f"{tag}.{intent}"
        elif intent is not None and intent not in tags:
            why = f"leads to {intent}, which was not carried over: pressed, its title is sent as a message"
            ledger.note(place, f"choice {title!r}", why)
            intent = None
        if title:
            kept.setdefault(title, Choice(title, intent))
    for title in list(kept)[MAX_CHOICES:]:
        ledger.lose("choices", place, f"choice {title!r}", f"left out: a response has at most {MAX_CHOICES}")
    return tuple(kept.values())[:MAX_CHOICES]
