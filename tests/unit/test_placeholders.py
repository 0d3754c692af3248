"""Names in braces: what is filled, what stays, and that nothing a member calls himself is ever read as one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intents.placeholders import fill, is_result, placeholder_names

ADA = {"display_name": "Ada"}
texts_with_braces = st.text(st.one_of(st.sampled_from("{}_.!aé1 \n"), st.characters()), max_size=60)


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("Hello {display_name}!", "Hello Ada!"),
        ("{display_name}, {display_name}", "Ada, Ada"),
        ("{{display_name}} is your name", "{display_name} is your name"),
        ("{{display_name.__class__}}", "{display_name.__class__}"),
        ("{{display_name} {display_name}}", "{Ada Ada}"),
        ("{unknown}", "{unknown}"),
        ("{display_name.__class__}", "{display_name.__class__}"),
        ("{display_name!r:>10}", "{display_name!r:>10}"),
        ("{display_name[0]}", "{display_name[0]}"),
        ("{} { display_name } {0} {{}} {{0}}", "{} { display_name } {0} {{}} {{0}}"),
        ('{"key": 1} } {', '{"key": 1} } {'),
        ("100% $display_name %s", "100% $display_name %s"),
        ("", ""),
    ],
)
def test_known_names_are_filled_and_all_else_stays(text: str, filled: str) -> None:
    """Doubled braces print a name as it stands; braces around anything else are just braces."""
    assert fill(text, ADA) == filled


@pytest.mark.parametrize("name", ["{display_name}", "{{display_name}}", "{other}", "\\1 \\g<0>", "{}", "%s", ""])
def test_values_are_never_read_for_placeholders(name: str) -> None:
    """A member may be called anything."""
    assert fill("<{display_name}|{other}>", {"display_name": name, "other": "x"}) == f"<{name}|x>"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Hi {display_name}, {first} {display_name}", ["display_name", "first", "display_name"]),
        ("{{literal}} {display_name.__class__} {größe}", ["display_name.__class__", "größe"]),
        ("{} {0} { a } {a b} {\n}", []),
    ],
)
def test_names_are_listed_in_their_order(text: str, names: list[str]) -> None:
    """Known or not, once for every time that they stand there."""
    assert placeholder_names(text) == names


@pytest.mark.parametrize("name", ["result", "result.x", "result.größe_2"])
def test_results_of_actions_have_names(name: str) -> None:
    """The whole, or one of its parts; a part is a key of its own, never looked up in anything."""
    assert is_result(name)
    assert fill(f"{{{name}}}", {name: "7"}) == "7"
    assert fill("{result.x}", {"result": "7"}) == "{result.x}"


@pytest.mark.parametrize("name", ["results", "result.", "result.x.y", "result.2", "result x", "x.result", "result[0]"])
def test_other_names_are_no_results(name: str) -> None:
    """Nothing is looked for inside of a part."""
    assert not is_result(name)


@given(texts_with_braces)
def test_what_names_no_placeholder_and_doubles_no_brace_is_sent_as_it_is(text: str) -> None:
    """Filling changes nothing but placeholders and doubled braces, and never raises."""
    filled = fill(text, ADA)
    if "{{" not in text and "{display_name}" not in text:
        assert filled == text


@given(texts_with_braces, texts_with_braces)
def test_filled_text_holds_the_value_whole(text: str, value: str) -> None:
    """Whatever stands around a placeholder, the value arrives unchanged."""
    assert fill(f"{text} {{display_name}}", {"display_name": value}).endswith(f" {value}")
