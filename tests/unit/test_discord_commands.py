"""The command table as Discord's definitions, and what uses of it say."""

import discord
import pytest

from adapters.base import Argument, Command, Menu
from adapters.discord_commands import Use, offered, read_typing, read_use, to_definitions
from adapters.discord_forms import read_form, to_form
from bot.commands import MEMBER_COMMANDS
from tests.e2e import discord_payloads as payloads
from tests.e2e.discord_payloads import Json

MANAGE_SERVER = 32
TAG = Argument("tag", "Which intent.", {"de": "Welche Absicht.", "es": "Qué intención."}, is_completed=True)
TEXT = Argument("text", "What is said.", is_required=False)
TONE = Argument("tone", "How it sounds.", values=("short", "silent"))
ASK = Command(
    "ask",
    "Asks me.",
    (Argument("question", "What to ask."),),
    public=True,
    descriptions={"de": "Fragt mich.", "es": "Me pregunta.", "en": "Asks.", "xx": "?"},
    menu=Menu("Answer this", {"de": "Beantworte das"}, takes_text=True),
)
RELOAD = Command("admin reload", "Loads.", admin_only=True, descriptions={"de": "Lädt."})
TEACH = Command("admin teach", "Teaches.", (TAG, TEXT), admin_only=True, menu=Menu("Teach this", {"de": "Lehre das"}))
TABLE = (ASK, RELOAD, TEACH, Command("tune", "Tunes.", (TONE,)), Command("stats", "Counts.", admin_only=True))


def defined(name: str, table: tuple[Command, ...] = TABLE) -> Json:
    (definition,) = [definition for definition in to_definitions(table) if definition["name"] == name]
    return definition


def test_command_is_defined_with_its_arguments() -> None:
    """Each argument is an option, described, with its length or its values, in the table's order."""
    (question,) = defined("ask")["options"]
    assert (question["name"], question["description"], question["required"]) == ("question", "What to ask.", True)
    assert (question["min_length"], question["max_length"]) == (1, 2000)
    (tone,) = defined("tune")["options"]
    assert tone["choices"] == [{"name": "short", "value": "short"}, {"name": "silent", "value": "silent"}]


def test_group_is_one_command_for_admins_if_all_in_it_are() -> None:
    """Discord shows or hides a group as a whole, so one command for everybody keeps it in sight."""
    group = defined("admin")
    assert [(option["type"], option["name"]) for option in group["options"]] == [(1, "reload"), (1, "teach")]
    assert [(o["name"], o["required"], o.get("autocomplete")) for o in group["options"][1]["options"]] == [
        ("tag", True, True),
        ("text", False, None),
    ]
    assert group["default_member_permissions"] == MANAGE_SERVER
    assert defined("admin", (*TABLE, Command("admin me", "Says who I am.")))["default_member_permissions"] is None


def test_command_of_a_groups_name_describes_the_group() -> None:
    """Where others take "admin" for a command of its own, Discord has the group alone."""
    table = (Command("admin", "For admins.", (TEXT,), admin_only=True), RELOAD)
    group = defined("admin", table)
    assert (group["description"], [option["name"] for option in group["options"]]) == ("For admins.", ["reload"])


def test_translations_bear_discords_names() -> None:
    """Spanish is two of Discord's languages, and one that it does not know is left out."""
    assert defined("ask")["description_localizations"] == {
        "de": "Fragt mich.", "es-ES": "Me pregunta.", "es-419": "Me pregunta.", "en-US": "Asks.", "en-GB": "Asks.",
    }  # fmt: skip
    reload, teach = defined("admin")["options"]
    assert reload["description_localizations"] == {"de": "Lädt."}
    assert set(teach["options"][0]["description_localizations"]) == {"de", "es-ES", "es-419"}
    assert defined("Answer this")["name_localizations"] == {"de": "Beantworte das"}


def test_only_a_question_can_be_taken_along() -> None:
    """It, and its menu, are there for people without the bot; the rest is about a server or a conversation."""
    reach = {d["name"]: (d["integration_types"], d["contexts"]) for d in to_definitions(TABLE)}
    assert reach.pop("ask") == reach.pop("Answer this") == ([0, 1], [0, 1, 2])
    assert set(map(str, reach.values())) == {"([0], [0, 1])"}


def test_menus_for_admins_are_hidden() -> None:
    """The menu on a message shows to members only what they may use."""
    assert (defined("Teach this")["type"], defined("Teach this")["default_member_permissions"]) == (3, MANAGE_SERVER)
    assert defined("Answer this")["default_member_permissions"] is None


def test_members_commands_speak_three_languages() -> None:
    """Whatever a member sees of the commands is there in German and in Spanish as well as in English."""
    for definition in to_definitions(MEMBER_COMMANDS):
        for described in (definition, *definition.get("options", [])):
            translated = described.get("description_localizations", described.get("name_localizations"))
            assert {"de", "es-ES", "es-419"} <= set(translated)


def slash(name: str, *options: Json) -> Json:
    return {"type": 1, "name": name, "options": list(options)}


def given(name: str, value: str, **fields: bool) -> Json:
    return {"type": 3, "name": name, "value": value, **fields}


@pytest.mark.parametrize(
    ("data", "name", "text"),
    [
        (slash("ask", given("question", " why not? ")), "ask", "why not?"),
        ({"type": 1, "name": "stats"}, "stats", ""),
        (slash("admin", {"type": 1, "name": "reload"}), "admin reload", ""),
        (
            slash("admin", {"type": 1, "name": "teach", "options": [given("text", "hi you"), given("tag", "greet")]}),
            "admin teach",
            "greet hi you",
        ),
        (slash("admin", {"type": 1, "name": "teach", "options": [given("tag", "greet")]}), "admin teach", "greet"),
    ],
)
def test_use_is_read(data: Json, name: str, text: str) -> None:
    """It has the command's full name, and the arguments in the table's order, whichever was typed first."""
    use = read_use(data, TABLE)
    assert use is not None
    assert (use.command.name, use.text, use.replied_id) == (name, text, None)
    assert (use.needs_form, use.lacks_text) == (False, False)


def in_menu(title: str, content: str) -> Json:
    message = payloads.message(payloads.user("ben"), {"id": "1"}, content, id="77")
    return {"type": 3, "name": title, "target_id": "77", "resolved": {"messages": {"77": message}}}


def test_menu_takes_the_text_or_asks() -> None:
    """A question is the message's text; arguments that it does not have are asked for in a form."""
    answer, teach = read_use(in_menu("Answer this", "why?"), TABLE), read_use(in_menu("Teach this", "why?"), TABLE)
    assert answer is not None
    assert (answer.text, answer.replied_id, answer.needs_form, answer.lacks_text) == ("why?", "77", False, False)
    assert teach is not None
    assert (teach.text, teach.replied_id, teach.needs_form) == ("", "77", True)
    blank = read_use(in_menu("Answer this", " "), TABLE)
    assert blank is not None
    assert blank.lacks_text


@pytest.mark.parametrize("data", [slash("gone"), slash("admin", {"type": 1, "name": "gone"}), in_menu("Gone", "x")])
def test_use_of_a_command_that_is_gone_is_none(data: Json) -> None:
    """Discord may show commands of an earlier version for a while."""
    assert read_use(data, TABLE) is None
    assert read_typing(data, TABLE) is None


def test_typing_is_read() -> None:
    """Of the arguments the one counts that is being typed."""
    options = [given("text", "hi"), given("tag", "gr", focused=True)]
    typing = read_typing(slash("admin", {"type": 1, "name": "teach", "options": options}), TABLE)
    assert typing is not None
    assert (typing.command.name, typing.argument, typing.text) == ("admin teach", "tag", "gr")


def test_offered_values_are_what_discord_takes() -> None:
    """At most 25 of at most 100 characters, none blank, none twice; the best stay in front."""
    values = ["b", " ", "b", "x" * 101, *map(str, range(40))]
    assert list(offered(values)) == ["b", *map(str, range(24))]


def test_form_asks_in_the_persons_language() -> None:
    """Its title is the menu's, and each field says what is wanted."""
    form = to_form(TEACH, "77", discord.Locale.german)
    tag, text = form["components"]
    assert (form["title"], tag["label"], tag["description"]) == ("Lehre das", "Tag", "Welche Absicht.")
    assert (tag["component"]["required"], text["component"]["required"]) == (True, False)
    for locale, description in [("french", "Which intent."), ("latin_american_spanish", "Qué intención.")]:
        form = to_form(TEACH, "77", discord.Locale[locale])
        assert form["components"][0]["description"] == description


def test_sent_form_is_a_use() -> None:
    """What was filled in counts as if it had been typed, and the message that it is about is not forgotten."""
    form = to_form(TEACH, "77", discord.Locale.german)
    sent = payloads.sent_form(form, {"application_id": "1"}, payloads.dm_channel({}), {}, {"tag": "a", "text": "b c"})
    use = read_form(sent["data"], TABLE)
    assert use is not None
    assert (use.command, use.text, use.replied_id, use.needs_form) == (TEACH, "a b c", "77", False)


@pytest.mark.parametrize("custom_id", ["other", "f:x:admin teach", "f:77:admin gone", f"f:77:{'a' * 80}"])
def test_form_that_is_not_ours_is_none(custom_id: str) -> None:
    """Nor is one whose command is gone."""
    assert read_form({"custom_id": custom_id, "components": []}, TABLE) is None


def test_only_what_a_command_cannot_do_without_is_asked_for() -> None:
    """From a menu, a command whose arguments may all be left out is carried out at once."""
    why = Command("admin why", "Explains.", (TEXT,), admin_only=True, menu=Menu("Why?"))
    assert not Use(why, "", "77", is_from_menu=True).needs_form
    assert Use(TEACH, "", "77", is_from_menu=True).needs_form
