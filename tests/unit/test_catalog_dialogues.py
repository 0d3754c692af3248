"""What a catalog says beyond patterns and answers: slots, conditions, choices, actions, follow-ups, the fallback."""

import textwrap
from pathlib import Path

import pytest

from intents.builtin import CANCEL_RESPONSES, PATTERNS, builtin_patterns
from intents.catalog import (
    Action,
    Attachment,
    Builtin,
    Choice,
    Condition,
    Entity,
    EntityType,
    Fallback,
    Intent,
    IntentCatalog,
    Response,
    SetContext,
    Slot,
)
from intents.findings import CatalogError, Finding, Severity
from intents.validation import load_catalog
from model.text import normalise

WORDS = ("one", "two", "three", "four", "five")


def entry(tag: str, fields: str = "", *, responses: str = "[Fine.]") -> str:
    """Return an intent of five patterns, with more fields as YAML."""
    patterns = ", ".join(f"{tag} {word}" for word in WORDS)
    more = textwrap.indent(textwrap.dedent(fields).strip("\n"), "    ")
    return f"  - tag: {tag}\n    patterns: [{patterns}]\n    responses: {responses}\n{more}\n"


def load(path: Path, *entries: str, head: str = "") -> tuple[IntentCatalog, tuple[Finding, ...]]:
    file = path / "a.yaml"
    file.write_text(textwrap.dedent(head) + "intents:\n" + "".join(entries), encoding="utf-8")
    return load_catalog(file, normalise)


def sound(path: Path, *entries: str, head: str = "") -> IntentCatalog:
    catalog, findings = load(path, *entries, head=head)
    assert findings == ()
    return catalog


def findings_of(path: Path, *entries: str, head: str = "") -> list[Finding]:
    try:
        return list(load(path, *entries, head=head)[1])
    except CatalogError as error:
        return list(error.findings)


def only(path: Path, *entries: str, head: str = "") -> tuple[str, str | None, str | None, str]:
    (finding,) = findings_of(path, *entries, head=head)
    return str(finding.severity), finding.tag, finding.field, finding.message


def by_tag(catalog: IntentCatalog) -> dict[str, Intent]:
    return {intent.tag: intent for intent in catalog.intents}


GROUPS = """\
entities:
  group: {type: choice, values: {chess club: [chess, 64], book club: }}
"""
JOIN = entry(
    "join",
    """
    slots:
      - {name: group, type: group, prompt: Which group?, invalid: [There is none., No.]}
      - {name: day, type: date, required: false}
    """,
    responses='["Welcome to {group} on {day}.", "Welcome to {group}."]',
)


def test_slots_take_their_entities_from_the_file_or_from_themselves(tmp_path: Path) -> None:
    """Synonyms are texts whatever YAML takes them for; a slot is asked for unless it is said to be optional."""
    slots = """
    slots:
      - {name: group, type: group, prompt: [Which?, What group?]}
      - {name: size, type: number, least: 1, most: 2.5, prompt: How many?}
      - {name: kind, type: choice, values: [a, b], required: no}
      - {name: code, type: regex, regex: "[A-Z]+", required: false}
      - {name: note, required: false}
    """
    catalog = sound(
        tmp_path, entry("a", slots, responses='["{group} {size} {kind} {code} {note}", "{group}"]'), head=GROUPS
    )
    assert catalog.intents[0].slots == (
        Slot(
            "group",
            Entity(EntityType.CHOICE, {"chess club": ("chess", "64"), "book club": ()}),
            ("Which?", "What group?"),
        ),
        Slot("size", Entity(EntityType.NUMBER, least=1.0, most=2.5), ("How many?",)),
        Slot("kind", Entity(EntityType.CHOICE, {"a": (), "b": ()}), required=False),
        Slot("code", Entity(EntityType.REGEX, regex="[A-Z]+"), required=False),
        Slot("note", Entity(EntityType.TEXT), required=False),
    )


def test_entities_are_shared_by_all_files(tmp_path: Path) -> None:
    """A file of entities alone is a file of the catalog."""
    (tmp_path / "z.yaml").write_text(GROUPS, encoding="utf-8")
    (tmp_path / "a.yaml").write_text("intents:\n" + JOIN, encoding="utf-8")
    catalog, findings = load_catalog(tmp_path, normalise)
    assert findings == ()
    assert catalog.intents[0].slots[0].entity.type is EntityType.CHOICE


def test_annotations_are_taken_out_of_patterns_and_kept_aside(tmp_path: Path) -> None:
    """The classifier learns what members write; the values are known as those of their slot, each once."""
    patterns = "['I want [chess](group)', '[chess](group), [books](group)?', 'a [b] (c)', 'see [x] and (y)', five]"
    text = JOIN.replace("[join one, join two, join three, join four, join five]", patterns)
    head = GROUPS.replace("book club: ", "book club: [books]")
    (intent,) = sound(tmp_path, text, head=head).intents
    assert intent.patterns == ("I want chess", "chess, books?", "a [b] (c)", "see [x] and (y)", "five")
    assert intent.annotations == {"group": ("chess", "books")}


def test_responses_may_be_texts_and_objects(tmp_path: Path) -> None:
    """A string is its text; conditions take one value or several, and any value at all."""
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "chess.png").touch()
    responses = """
    responses:
      - Welcome to {group}.
      - text: "{day}"
        when: {platform: telegram, language: [de, fr], slots: {group: chess club, day: any}}
        image: pictures/chess.png
        file: [https://example.org/a.pdf]
        choices: [Opening hours, {title: Again, intent: join}]
    """
    text = JOIN.replace(
        '    responses: ["Welcome to {group} on {day}.", "Welcome to {group}."]\n',
        textwrap.indent(textwrap.dedent(responses), "    "),
    )
    (intent,) = sound(tmp_path, text, head=GROUPS).intents
    assert intent.responses == (
        Response("Welcome to {group}."),
        Response(
            "{day}",
            Condition(("telegram",), ("de", "fr"), {"group": ("chess club",), "day": ()}),
            (Choice("Opening hours"), Choice("Again", "join")),
            (
                Attachment(str((tmp_path / "pictures" / "chess.png").resolve()), is_image=True),
                Attachment("https://example.org/a.pdf", is_image=False),
            ),
        ),
    )


def test_contexts_have_their_lifespan(tmp_path: Path) -> None:
    """Unless they say so, that of all."""
    contexts = "context_set: [a, {name: b, lifespan: 3, ttl_s: 600}]\ncontext: c"
    others = [entry(name, f"context_filter: {name}") for name in "abc"]
    catalog = sound(tmp_path, entry("x", contexts), *others)
    assert catalog.intents[0].context_set == (SetContext("a"), SetContext("b", 3, 600.0), SetContext("c"))


def test_actions_take_values_of_every_kind(tmp_path: Path) -> None:
    """Numbers stay numbers, and texts in quotation marks texts."""
    action = """
    action:
      call: shop.orders:place
      arguments: {sides: 6, name: "6", deep: [true, null, {x: 1.5}]}
      timeout_s: 2
      apology: No luck.
    """
    (intent,) = sound(tmp_path, entry("a", action, responses='["{result} {result.total}"]')).intents
    arguments = {"sides": 6, "name": "6", "deep": [True, None, {"x": 1.5}]}
    assert intent.action == Action("shop.orders:place", arguments, timeout_s=2.0, apology="No luck.")


def test_endpoints_have_templates_and_secrets(tmp_path: Path) -> None:
    """A JSON body, and headers that take secrets from the environment."""
    action = """
    slots: [{name: q, prompt: What?}]
    action:
      url: "https://example.org/search?q={q}"
      method: POST
      body: {query: "{q}", user: "{display_name}"}
      headers: {Authorization: "Bearer {env:SEARCH_TOKEN}"}
      allow_private: true
    """
    (intent,) = sound(tmp_path, entry("a", action)).intents
    assert intent.action == Action(
        url="https://example.org/search?q={q}",
        method="POST",
        body={"query": "{q}", "user": "{display_name}"},
        headers={"Authorization": "Bearer {env:SEARCH_TOKEN}"},
        allow_private=True,
    )


def test_followups_are_intents_of_their_own(tmp_path: Path) -> None:
    """Their tag names their parent, whose context they need and which sets it; theirs may have followers as well."""
    followups = """
    title: The first
    followups:
      yes: See you!
      no: [Pity., Too bad.]
      repeat:
      cancel: {}
      why:
        patterns: [why a, why b, why c, why d, why e]
        responses: [Because.]
        followups: {yes: Good.}
    """
    catalog = sound(tmp_path, entry("a", followups), entry("b"))
    assert [one.tag for one in catalog.intents] == [
        "a",
        "a.yes",
        "a.no",
        "a.repeat",
        "a.cancel",
        "a.why",
        "a.why.yes",
        "b",
    ]
    intents = by_tag(catalog)
    assert intents["a"].context_set == (SetContext("a", 2),)
    assert intents["a.yes"] == Intent(
        "a.yes",
        builtin_patterns(Builtin.YES, "en"),
        (Response("See you!"),),
        context_filter=("a",),
        parent="a",
        builtin=Builtin.YES,
    )
    assert intents["a.no"].responses == (Response("Pity."), Response("Too bad."))
    assert intents["a.repeat"].responses == ()
    assert intents["a.cancel"].responses == (Response(CANCEL_RESPONSES["en"]),)
    why = intents["a.why"]
    assert (why.context_filter, why.context_set, why.builtin) == (("a",), (SetContext("a.why", 2),), None)
    assert (intents["a.why.yes"].context_filter, intents["a.why.yes"].parent) == (("a.why",), "a.why")
    assert [one.tag for one in catalog.topics] == ["a", "b"]


def test_lifespan_of_followups_may_be_written_out(tmp_path: Path) -> None:
    """The context is named as the parent."""
    catalog = sound(tmp_path, entry("a", "context_set: {name: a, lifespan: 7}\nfollowups: {yes: Good.}"))
    assert catalog.intents[0].context_set == (SetContext("a", 7),)


def test_followups_use_the_slots_of_their_parents(tmp_path: Path) -> None:
    """What was asked for is known in the whole conversation."""
    followups = """
    slots: [{name: day, type: date, prompt: When?}]
    followups:
      yes:
        responses: ["On {day}."]
        followups: {no: "Not on {day}, {server}."}
    """
    sound(tmp_path, entry("a", followups))


@pytest.mark.parametrize("language", sorted(PATTERNS))
def test_followups_speak_the_language_of_their_file(tmp_path: Path, language: str) -> None:
    """Patterns and the word of parting are built in."""
    fields = "followups: {yes: A., no: B., cancel: , repeat: }"
    catalog = sound(tmp_path, entry("a", fields), head=f"language: {language}\n")
    assert {one.language for one in catalog.intents} == {language}
    intents = by_tag(catalog)
    assert {intents[f"a.{kind}"].patterns for kind in Builtin} == set(PATTERNS[language].values())
    assert intents["a.cancel"].responses == (Response(CANCEL_RESPONSES[language]),)


def test_patterns_of_one_language_say_one_thing() -> None:
    """Yes is never no, and each is said in several ways."""
    for language, kinds in PATTERNS.items():
        said = [normalise(pattern) for patterns in kinds.values() for pattern in patterns]
        assert all(said), language
        assert len(set(said)) == len(said), language
        assert set(kinds) == set(Builtin)


def test_followup_without_patterns_in_another_language_is_an_error(tmp_path: Path) -> None:
    """English words would be learnt as another language's."""
    found = only(tmp_path, entry("a", "followups: {yes: Good.}"), head="language: sw\n")
    assert found[:3] == ("error", "a.yes", "patterns")
    assert 'in the language "sw" no patterns are built in' in found[3]


def test_intents_of_two_languages_may_share_patterns(tmp_path: Path) -> None:
    """The member's language tells them apart; an intent for everyone shares with none."""
    for name, language in (("a", "en"), ("b", "de")):
        text = f"language: {language}\nintents:\n" + entry(name).replace(f"{name} ", "same ")
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    catalog, findings = load_catalog(tmp_path, normalise)
    assert findings == ()
    assert catalog.languages == ("en", "de")
    (tmp_path / "c.yaml").write_text("intents:\n" + entry("c").replace("c ", "same "), encoding="utf-8")
    with pytest.raises(CatalogError, match="duplicate: 'same one' is a pattern of a too"):
        load_catalog(tmp_path, normalise)


def test_fallback_has_its_stages(tmp_path: Path) -> None:
    """Texts to offer topics with, help, and a person."""
    head = """\
    fallback:
      responses:
        - Sorry, {display_name}?
        - {text: Pardon?, when: {platform: discord}, choices: [{title: A, intent: a}]}
      did_you_mean: "Perhaps:"
      help: Ask me about a.
      handoff: true
    """
    assert sound(tmp_path, entry("a"), head=head).fallback == Fallback(
        (
            Response("Sorry, {display_name}?"),
            Response("Pardon?", Condition(("discord",)), (Choice("A", "a"),)),
        ),
        "Perhaps:",
        ("Ask me about a.",),
        handoff=True,
    )


def test_intent_that_only_a_button_leads_to_needs_no_patterns(tmp_path: Path) -> None:
    """It is never chosen by the classifier, and need not be."""
    text = entry("a", responses="[{text: Choose, choices: [{title: B, intent: b}]}]")
    catalog = sound(tmp_path, text, "  - {tag: b, responses: [Fine.]}\n")
    assert [one.tag for one in catalog.trainable] == ["a"]


SLOT = "slots: [{%s}]"
ERRORS = [
    (SLOT % "name: s, type: dat, prompt: p", "slots[0].type", 'unknown type "dat": did you mean "date"?'),
    (SLOT % "name: s, type: choice, prompt: p", "slots[0].values", "a choice needs values"),
    (
        SLOT % "name: s, type: choice, values: {a: [x], b: [X]}, prompt: p",
        "slots[0].values",
        '"X" means both "a" and "b"',
    ),
    (SLOT % "name: s, type: regex, prompt: p", "slots[0].regex", "missing"),
    (SLOT % "name: s, type: regex, regex: '(', prompt: p", "slots[0].regex", "not a regular expression"),
    (SLOT % "name: s, type: number, least: 2, most: 1, prompt: p", "slots[0].least", "2 is more than 1"),
    (SLOT % "name: s, type: number, least: x, prompt: p", "slots[0].least", "not a number"),
    (SLOT % "name: s", "slots[0].prompt", 'missing: "s" is required'),
    (SLOT % "name: 7s, prompt: p", "slots[0].name", "is no name"),
    (SLOT % "name: server, prompt: p", "slots[0].name", "is filled already"),
    (SLOT % "name: s, prompt: p}, {name: s, prompt: p", "slots[1].name", "duplicate slot"),
    (SLOT % "name: s, prompt: 'And {t}?'}, {name: t, prompt: p", "slots[0].prompt", "unknown placeholder {t}"),
    (SLOT % "name: s, prompt: p, required: perhaps", "slots[0].required", "not true or false"),
    ("slots: {s: date}", "slots[0].name", "missing"),
    ("action: {}", "action", "either call or url"),
    ("action: {call: a:b, url: https://x.org}", "action", "either call or url"),
    ("action: {call: os.system}", "action.call", "module:function"),
    ("action: {url: ftp://x.org}", "action.url", "is no address"),
    ("action: {url: 'https://{s}/'}", "action.url", "must not depend on a placeholder"),
    ("action: {url: https://x.org, method: FETCH}", "action.method", "'FETCH' is none of"),
    ("action: {call: a:b, timeout_s: 0}", "action.timeout_s", "more than 0"),
    ("action: {call: a:b, arguments: {x: '{nobody}'}}", "action.arguments.x", "unknown placeholder {nobody}"),
    ("action: {call: a:b, arguments: {x: .inf}}", None, None),
    ("action: {call: a:b, apology: '{result}'}", "action.apology", "unknown placeholder {result}"),
    ("action: {url: https://x.org, headers: {A: '{display_name}'}}", "action.headers.A", "{env:NAME}"),
    ("context_set: {name: c, lifespan: 0}", "context_set[0].lifespan", "at least 1"),
    ("context_set: {name: c, ttl_s: -1}", "context_set[0].ttl_s", "more than 0"),
    ("handoff: maybe", "handoff", "not true or false"),
    ("followups: [yes]", "followups", "not an object"),
    ("followups: {'a b': x}", None, "not a name"),
]


@pytest.mark.parametrize(("fields", "field", "words"), ERRORS)
def test_what_cannot_work_is_an_error(tmp_path: Path, fields: str, field: str | None, words: str | None) -> None:
    """Each names the field and the mend."""
    found = [one for one in findings_of(tmp_path, entry("a", fields)) if one.severity is Severity.ERROR]
    if words is None:
        assert found == []
        return
    assert [one.field for one in found][:1] == [field]
    assert words in found[0].message
    assert found[0].line is not None
    assert found[0].line >= 5


RESPONSE_ERRORS = [
    ("['{result}']", "responses", "unknown placeholder {result}"),
    ("[{}]", "responses[0].text", "missing"),
    ("[{txt: x}]", "responses[0].text", "missing"),
    ("[{text: x, when: {platform: irc}}]", "responses[0].when.platform", "'irc' is none of"),
    ("[{text: x, when: {language: en-GB}}]", "responses[0].when.language", "without region"),
    ("[{text: x, when: {slots: {s: a}}}]", "responses[0].when.slots.s", 'unknown slot "s"'),
    (
        "[{text: x, choices: [{title: x, intent: nowhere}]}]",
        "responses[0].choices[0].intent",
        'unknown intent "nowhere"',
    ),
    ("[{text: x, choices: [{intent: a}]}]", "responses[0].choices[0].title", "missing"),
    (f"[{{text: x, choices: [{'t' * 81}]}}]", "responses[0].choices[0].title", "too long: at most 80"),
    (f"[{{text: x, choices: [{', '.join('t' * 26)}]}}]", "responses[0].choices", "too many: at most 25"),
    ("[{text: x, image: nowhere.png}]", "responses[0].image", "is missing"),
    ("[{text: x, image: ../a.yaml}]", "responses[0].image", "outside of the catalog"),
    ("[{text: x, file: /etc/passwd}]", "responses[0].file", "outside of the catalog"),
    ("[{text: x, file: http://example.org/a.png}]", "responses[0].file", "must begin with https://"),
    ("[{text: x, file: .}]", "responses[0].file", "is missing"),
    ('[{text: x, file: "a\\0b"}]', "responses[0].file", "cannot be found"),
]


@pytest.mark.parametrize(("responses", "field", "words"), RESPONSE_ERRORS)
def test_responses_that_cannot_be_given_are_errors(tmp_path: Path, responses: str, field: str, words: str) -> None:
    """Each names the response, counted from 0."""
    found = findings_of(tmp_path, entry("a", responses=responses))
    errors = [one for one in found if one.severity is Severity.ERROR]
    assert [one.field for one in errors] == [field]
    assert words in errors[0].message
    assert errors[0].line == 4


def test_attachment_may_not_leave_the_catalog_by_a_link(tmp_path: Path) -> None:
    """A link to another folder is another folder."""
    (tmp_path / "catalog").mkdir()
    (tmp_path / "secret.txt").touch()
    (tmp_path / "catalog" / "a.txt").symlink_to(tmp_path / "secret.txt")
    found = only(tmp_path / "catalog", entry("a", responses="[{text: x, file: a.txt}]"))
    assert "outside of the catalog" in found[3]


@pytest.mark.parametrize(
    ("head", "field", "words"),
    [
        ("entities: {date: {type: text}}\n", "entities.date", "the name of a type"),
        ("entities: {x: {type: choice}}\n", "entities.x.values", "a choice needs values"),
        ("entities: {x: {type: colour}}\n", "entities.x.type", "'colour' is none of"),
        ("entities: {x y: {type: text}}\n", "entities.x y", "is no name"),
        ("entities: [x]\n", "entities", "not an object"),
        ("language: english\n", "language", "'english' is no language"),
        ("fallback: {}\n", "fallback.responses", "empty: write at least one answer"),
        ("fallback: {responses: '{group}'}\n", "fallback.responses", "unknown placeholder {group}"),
        ("fallback: {responses: x, help: '{y}'}\n", "fallback.help", "unknown placeholder {y}"),
        ("fallback: Sorry\n", "fallback", "not an object"),
    ],
)
def test_what_stands_beside_the_intents_is_checked_too(tmp_path: Path, head: str, field: str, words: str) -> None:
    """Entities, the language and the fallback belong to no intent."""
    severity, tag, found, message = only(tmp_path, entry("a"), head=head)
    assert (severity, tag, found) == ("error", None, field)
    assert words in message


def test_second_fallback_is_an_error(tmp_path: Path) -> None:
    """Wherever it stands, and however it is written."""
    (tmp_path / "a.yaml").write_text("fallback: {responses: A}\nintents:\n" + entry("a"), encoding="utf-8")
    (tmp_path / "b.yaml").write_text("\nfallback: {responses: B}\n", encoding="utf-8")
    (tmp_path / "c.yaml").write_text("intents: [{tag: noanswer, responses: C}]\n", encoding="utf-8")
    with pytest.raises(CatalogError) as caught:
        load_catalog(tmp_path, normalise)
    assert [(Path(one.file).name, one.line, one.tag) for one in caught.value.findings] == [
        ("b.yaml", 2, None),
        ("c.yaml", 1, "noanswer"),
    ]
    assert all(one.message.startswith("a second fallback") for one in caught.value.errors)


def test_entity_defined_twice_is_an_error(tmp_path: Path) -> None:
    """The first is named."""
    for name in "ab":
        (tmp_path / f"{name}.yaml").write_text(GROUPS, encoding="utf-8")
    with pytest.raises(CatalogError, match=r"b\.yaml:2: entities\.group: duplicate entity, first in .*a\.yaml"):
        load_catalog(tmp_path, normalise)


@pytest.mark.parametrize(("marked", "severity"), [("[x](grop)", "error"), ("[tennis](group)", "warning")])
def test_annotation_must_fit_a_slot(tmp_path: Path, marked: str, severity: str) -> None:
    """One of no slot is an error, one that its slot does not know a warning."""
    found = only(tmp_path, JOIN.replace("join one", f"'{marked}'"), head=GROUPS)
    assert found[:3] == (severity, "join", "patterns")


def test_condition_on_a_value_that_a_choice_lacks_is_an_error(tmp_path: Path) -> None:
    """Synonyms are brought to their value first, so they never hold."""
    text = JOIN.replace('["Welcome', '[{text: x, when: {slots: {group: chess}}}, "Welcome')
    found = only(tmp_path, text, head=GROUPS)
    assert found[:3] == ("error", "join", "responses[0].when.slots.group")
    assert 'did you mean "chess club"?' in found[3]


WARNINGS = [
    (entry("a").replace("[a one, a two, a three, a four, a five]", "[a]"), "a", "patterns", "few: only 1"),
    (entry("a", responses=f"['{'x' * 2001}']"), "a", "responses", "2001 characters are over the 2000 of Discord"),
    (entry("a", "slots: [{name: s, prompt: p}]"), "a", "slots[0].name", "never used"),
    (entry("a", "action: {call: a:b, method: POST}"), "a", "action.method", "ignored"),
    (entry("a", "action: {url: https://x.org, arguments: {b: 1}}"), "a", "action.arguments", "ignored"),
    (entry("a", "slots: [{name: s, regex: x, prompt: p}]", responses="['{s}']"), "a", "slots[0].regex", "ignored"),
    (entry("a", "followups: {yes: {responses: x, context_filter: a}}"), "a.yes", "context_filter", "ignored"),
    (entry("a", "slots: [{name: s, prompts: p, prompt: p}]", responses="['{s}']"), "a", "slots[0].prompts", '"prompt"'),
    (entry("a", responses="[{text: x, when: {platfrom: discord}}]"), "a", "responses[0].when.platfrom", '"platform"'),
    (entry("a", "followups: {yes: {response: x, responses: y}}"), "a.yes", "response", '"responses"'),
]


@pytest.mark.parametrize(("text", "tag", "field", "words"), WARNINGS)
def test_what_works_but_hardly_as_meant_is_a_warning(
    tmp_path: Path, text: str, tag: str, field: str, words: str
) -> None:
    """One a fault, so that nobody need search for what matters."""
    severity, found_tag, found_field, message = only(tmp_path, text)
    assert (severity, found_tag, found_field) == ("warning", tag, field)
    assert words in message


@pytest.mark.parametrize(
    ("text", "when", "platforms"),
    [
        ("x" * 2000, "", ""),
        ("😀" * 2001, "", "Discord"),
        ("😀" * 2049, "", "Discord and Telegram"),
        ("x" * 4097, ", when: {platform: telegram}", "Telegram"),
        ("x" * 4097, ", when: {platform: console}", ""),
    ],
)
def test_long_responses_name_the_platforms_that_split_them(
    tmp_path: Path, text: str, when: str, platforms: str
) -> None:
    """Discord counts characters, Telegram units of UTF-16; where a response is never said, it is not too long."""
    found = findings_of(tmp_path, entry("a", responses=f"[{{text: '{text}'{when}}}]"))
    assert [all(name in one.message for name in platforms.split(" and ")) for one in found] == [True] * bool(platforms)


def test_imbalance_is_told_once_at_the_smallest(tmp_path: Path) -> None:
    """Built-in patterns of follow-ups do not count."""
    many = ", ".join(f"b {number}" for number in range(51))
    text = entry("b").replace("b one, b two, b three, b four, b five", many)
    found = only(tmp_path, entry("a", "followups: {yes: x}"), text)
    assert found[:3] == ("warning", "a", "patterns")
    assert "5 beside 51 of b" in found[3]


def test_contexts_that_only_their_own_followers_set_are_unreachable(tmp_path: Path) -> None:
    """A circle that nothing outside of it begins; what hangs on it is unreachable as well."""
    one = entry("one", "context_filter: b\ncontext_set: a")
    two = entry("two", "context_filter: a\ncontext_set: b\nfollowups: {yes: Good.}")
    found = findings_of(tmp_path, one, two, entry("free"))
    assert [(one.tag, one.field) for one in found] == [(tag, "context_filter") for tag in ("one", "two", "two.yes")]
    assert all(one.severity is Severity.WARNING and "unreachable" in one.message for one in found)


def test_circle_that_something_begins_is_fine(tmp_path: Path) -> None:
    """A game that goes on as long as people like."""
    one = entry("one", "context_filter: b\ncontext_set: a")
    two = entry("two", "context_filter: a\ncontext_set: b")
    sound(tmp_path, one, two, entry("start", "context_set: a"))


def test_catalog_of_everything_survives_the_way_through_json(tmp_path: Path) -> None:
    """A bundle keeps it so."""
    text = JOIN + entry(
        "b", "action: {call: a:b, arguments: {x: [1, y, null]}}\nfollowups: {yes: Good.}\nhandoff: true"
    )
    catalog = sound(tmp_path, text, head=GROUPS)
    assert IntentCatalog.from_json(catalog.to_json()) == catalog


@pytest.mark.parametrize(
    ("responses", "n_warnings"),
    [
        ("['Mail {mail}.']", 1),
        ("['Mail {mail}.', {text: Mail., when: {slots: {mail: any}}}]", 1),
        ("['Mail {mail}.', A letter.]", 0),
    ],
)
def test_an_optional_value_must_not_be_all_there_is_to_say(tmp_path: Path, responses: str, n_warnings: int) -> None:
    """Where the value is missing, something is left to answer."""
    path = tmp_path / "a.yaml"
    path.write_text(
        "intents: [{tag: a, patterns: [a, b, c, d, e], slots: [{name: mail, type: email, required: false}],"
        f" responses: {responses}}}]\n"
    )
    _, warnings = load_catalog(path, normalise)
    assert len(warnings) == n_warnings
    assert all("which is optional" in warning.message for warning in warnings)


def test_phrases_are_kept_by_language(tmp_path: Path) -> None:
    """A file's own words are for its language; an unknown name is an error that tells the known ones."""
    (tmp_path / "a.yaml").write_text(
        "intents: [{tag: a, patterns: [a], responses: [b]}]\nphrases: {cancelled: Fine.}\n"
    )
    (tmp_path / "b.yaml").write_text("language: de\nphrases: {cancelled: Gut.}\n")
    assert load_catalog(tmp_path, normalise)[0].phrases == {"": {"cancelled": "Fine."}, "de": {"cancelled": "Gut."}}
    (tmp_path / "b.yaml").write_text("phrases: {canceled: Gut.}\n")
    with pytest.raises(CatalogError) as caught:
        load_catalog(tmp_path, normalise)
    assert "b.yaml:1: phrases" in str(caught.value)
    assert "cancelled" in str(caught.value)
