"""Dialogflow's answers: texts, quick replies, pictures and cards into responses; placeholders into ours."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from intents.catalog import Attachment, Choice, Condition, Response
from scripts.importers.documents import Node
from scripts.importers.drafts import Answer, Ledger, clean

TEXT, CARD, QUICK_REPLIES, PICTURE, PAYLOAD = "text", "card", "quick replies", "picture", "payload"
KINDS = {
    "0": TEXT, "text": TEXT, "simple_response": TEXT, "simpleResponses": TEXT,
    "1": CARD, "card": CARD, "basic_card": CARD,
    "2": QUICK_REPLIES, "quickReplies": QUICK_REPLIES, "suggestion_chips": QUICK_REPLIES,
    "3": PICTURE, "image": PICTURE,
    "4": PAYLOAD, "payload": PAYLOAD, "custom_payload": PAYLOAD,
}  # fmt: skip
PLATFORMS = frozenset({"telegram", "discord"})
_NAME = r"[A-Za-z_]\w*(?:-\w+)*"
_PLACEHOLDER = re.compile(rf"#[\w-]+\.(?P<of_context>{_NAME})(?:\.original)?|\$(?P<own>{_NAME})(?:\.original\b)?")


@dataclass(slots=True)
class _Message:
    """Everything that is said at once, in variations of its first text."""

    texts: list[list[str]] = field(default_factory=list)
    choices: list[Choice] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    place: str = ""


def placeholders(text: str, slots: Mapping[str, str], place: str, ledger: Ledger) -> str:
    """Return a text with our placeholders for ``$name``, ``$name.original`` and ``#context.name``, where slots have it.

    Parameters
    ----------
    text
        As Dialogflow has it.
    slots
        The names of slots by Dialogflow's names of parameters.
    place
        Where it stands.
    ledger
        Hears what no slot has.
    """

    def replacement(match: re.Match[str]) -> str:
        name = match["own"] or match["of_context"]
        ledger.find("placeholders")
        if name in slots:
            return "{" + slots[name] + "}"
        why = "no parameter of the intent or its parent has it: it is said as it stands; reword the text"
        ledger.lose("placeholders", place, match[0], why)
        return match[0]

    return _PLACEHOLDER.sub(replacement, re.sub(r"\{+([^\W\d][^{}\s]*)\}+", r"{{\1}}", text))


def answers_of(response: Node, language: str, slots: Mapping[str, str], file: str, ledger: Ledger) -> list[Answer]:
    """Return what an intent answers in one language."""
    speech = response["speech"]
    by_platform: dict[str, _Message] = {}
    for node in response["messages"]:
        own = node["lang"].text.lower()
        if own and own != language:
            continue
        place = f"{file}:{node.line}"
        platform = node["platform"].text.lower()
        kind = KINDS.get(node["type"].text, node["type"].text or TEXT)
        if kind == TEXT and not any(_speech(node)):
            continue  # what the editor saves for an intent without an answer
        ledger.find("messages")
        message = by_platform.setdefault(platform, _Message(place=place))
        if not _read(node, kind, message, place, ledger):
            ledger.lose(
                "messages", place, f"a message of type {kind}", "left out: it has no counterpart, or says nothing"
            )
    if not by_platform:
        texts = [clean(one.text) for one in speech.each() if clean(one.text)]
        if texts:
            by_platform[""] = _Message([texts], place=f"{file}:{speech.line}")
            ledger.find("messages")
    _join_foreign(by_platform, ledger)
    return [
        answer._replace(
            response=replace(answer.response, text=placeholders(answer.response.text, slots, answer.place, ledger))
        )
        for platform, message in by_platform.items()
        for answer in _answers(message, platform)
    ]


def _join_foreign(by_platform: dict[str, _Message], ledger: Ledger) -> None:
    """Take over what was written for other platforms: choices and pictures, and texts where there are no others."""
    for platform in [one for one in by_platform if one and one not in PLATFORMS]:
        message = by_platform.pop(platform)
        general = by_platform.get("")
        if general is None or not (general.texts or general.attachments):
            if general is not None:
                message.choices += general.choices
            by_platform[""] = message
            continue
        general.choices += [one for one in message.choices if one not in general.choices]
        general.attachments += [one for one in message.attachments if one not in general.attachments]
        if message.texts and message.texts != general.texts:
            why = "its texts are left out: there are some for every platform"
            ledger.lose("messages", message.place, f"an answer for {platform}", why)


def _read(node: Node, kind: str, message: _Message, place: str, ledger: Ledger) -> bool:
    """Add a message; return whether anything of it could be used."""
    before = (len(message.texts), len(message.choices), len(message.attachments))
    if kind == TEXT:
        texts = list(_speech(node))
        if texts:
            message.texts.append(texts)
    elif kind == QUICK_REPLIES:
        title = clean(node["title"].text)
        message.texts += [[title]] if title else []
        titles = [one.text for one in node["replies"].each()] + [one["title"].text for one in node["suggestions"]]
        message.choices += [Choice(clean(one)) for one in titles if clean(one)]
    elif kind == PICTURE:
        _add_picture(node["imageUrl"].text, message, place, ledger)
    elif kind == CARD:
        _read_card(node, message, place, ledger)
    elif kind == "link_out_chip":
        address = node["url"].text
        message.texts += [[f"{node['destinationName'].text}: {address}"]] if address else []
    return before != (len(message.texts), len(message.choices), len(message.attachments))


def _speech(node: Node) -> Iterator[str]:
    for name in ("speech", "textToSpeech", "displayText"):
        found = [clean(one.text) for one in node[name].each() if clean(one.text)]
        if found:
            yield from found
            return
    for item in node["items"]:  # answers for voices
        text = clean(item["displayText"].text or item["textToSpeech"].text)
        if text:
            yield text


def _read_card(node: Node, message: _Message, place: str, ledger: Ledger) -> None:
    lines = [clean(node[name].text) for name in ("title", "subtitle", "formattedText")]
    for button in node["buttons"]:
        title = clean(button["text"].text or button["title"].text)
        address = button["postback"].text or button["openUrlAction"]["url"].text
        if address.startswith(("http://", "https://")):
            lines.append(f"{title}: {address}" if title else address)
        elif title:
            message.choices.append(Choice(clean(address) if address and len(address) < len(title) else title))
    _add_picture(node["imageUrl"].text or node["image"]["url"].text, message, place, ledger)
    text = "\n".join(line for line in lines if line)
    message.texts += [[text]] if text else []


def _add_picture(address: str, message: _Message, place: str, ledger: Ledger) -> None:
    if address.startswith("http://"):
        ledger.note(place, f"picture {address}", "is given as https, the only kind of address that is sent")
        address = address.replace("http://", "https://", 1)
    if address.startswith("https://"):
        message.attachments.append(Attachment(address, is_image=True))


def _answers(message: _Message, platform: str) -> Iterator[Answer]:
    """Yield the variations of a message: as many as its longest list of texts has."""
    when = Condition((platform,)) if platform else Condition()
    texts = message.texts or ([["Please choose:"]] if message.choices and not message.attachments else [[""]])
    for number in range(max(map(len, texts))):
        text = "\n\n".join(variations[number % len(variations)] for variations in texts)
        if text or message.attachments:
            yield Answer(Response(text, when, tuple(message.choices), tuple(message.attachments)), message.place)
