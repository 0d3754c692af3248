"""Markdown as Telegram shows it: what Discord would show, made safely, for any text at all."""

import timeit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.formatting import plain_name, utf16_length
from adapters.telegram_html import render, render_parts
from tests.e2e import specs
from tests.e2e.telegram_entities import parse_html

MARKS = "*_~|`\\#>-[]()<>"

PIECES = (
    "** __ || ``` ~~ >>> > - -# # ]( http://a https://x.org/_a_ word snake_case é \U0001f600 <b> </b> &lt; &#60; 1."
)

marked_text = st.lists(
    st.sampled_from([*MARKS, *"&!. \n\t\"'", *(f"{piece} " for piece in PIECES.split())]), max_size=60
)
any_text = st.one_of(
    marked_text.map("".join), st.text(max_size=200), st.text(st.sampled_from("ab*_|~`[]()<> \n"), max_size=80)
)


def shown(markdown: str) -> str:
    """What a reader sees in Telegram."""
    return parse_html(render(markdown).html)[0]


def without_marks(text: str) -> str:
    return "".join(character for character in text if character not in f"{MARKS}•" and not character.isspace())


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("**bold**", "<b>bold</b>"),
        ("*italic* and _italic_", "<i>italic</i> and <i>italic</i>"),
        ("***both***", "<i><b>both</b></i>"),
        ("__under *line*__", "<u>under <i>line</i></u>"),
        ("___both___", "<i><u>both</u></i>"),
        ("~~gone~~", "<s>gone</s>"),
        ("||hidden|| and || so ||", "<tg-spoiler>hidden</tg-spoiler> and <tg-spoiler> so </tg-spoiler>"),
        ("[a ||hidden|| link](https://x.org)", '<a href="https://x.org">a <tg-spoiler>hidden</tg-spoiler> link</a>'),
        ("`a < *b*`", "<code>a &lt; *b*</code>"),
        ("**over\ntwo** lines", "<b>over\ntwo</b> lines"),
        (r"\*not\* \_marked\_ \[x\](http://y)", "*not* _marked_ [x](http://y)"),
    ],
)
def test_marks_inside_a_line(markdown: str, html: str) -> None:
    """Each mark means what it means on Discord."""
    assert render(markdown).html == html


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("# Hours\n## of *us*", "<b>Hours</b>\n<b>of <i>us</i></b>"),
        ("-# small", "<i>small</i>"),
        ("- one\n* two\n  - three\n1. four", "• one\n• two\n  • three\n1. four"),
        ("> one\n> *two*\nafter", "<blockquote>one\n<i>two</i></blockquote>\nafter"),
        ("> one\n>\n> - two", "<blockquote>one\n\n• two</blockquote>"),
        (">>> all\n> that\n```\nfollows\n```", "<blockquote>all\n&gt; that\n<pre>follows</pre></blockquote>"),
        ("a\n\n\nb", "a\n\n\nb"),
        (
            "x:\n```py\nif a < b:\n  pass\n```\ny",
            'x:\n<pre><code class="language-py">if a &lt; b:\n  pass</code></pre>\ny',
        ),
        ("```\n**not bold**\n```", "<pre>**not bold**</pre>"),
        ("```never closed", "<pre>never closed</pre>"),
    ],
)
def test_blocks(markdown: str, html: str) -> None:
    """Headings are bold, items have bullets, quotes and code are Telegram's own; lines stay where they are."""
    assert render(markdown).html == html


@pytest.mark.parametrize(
    "address", ["https://x.org/a_b_c?d=1&e=2", "http://x.org", "tg://user?id=1", "mailto:a@x.org", "HTTPS://X.org/(a)"]
)
def test_links(address: str) -> None:
    """The words are the link; without formatting the address stands behind them."""
    rendered = render(f"see [our **page**]({address})!")
    _, entities = parse_html(rendered.html)
    assert entities[0] == {"type": "text_link", "offset": 4, "length": 8, "url": address}
    assert rendered.plain == f"see our page ({address})!"


@pytest.mark.parametrize(
    "markdown",
    [
        "[x](javascript:alert)",
        "[x](data:text/html,x)",
        "[x](/etc)",
        "[x](x.org)",
        "[x]()",
        "[x](<http://a b>)",
        "[x][y]",
    ],
)
def test_other_addresses_are_no_links(markdown: str) -> None:
    """What is neither web, mail nor Telegram stays as it is written."""
    assert shown(markdown) == markdown
    assert "<a" not in render(markdown).html


def test_address_in_angle_brackets_is_a_link() -> None:
    """Discord takes the brackets for a link without a preview."""
    assert render("<https://x.org/a_b>").html == '<a href="https://x.org/a_b">https://x.org/a_b</a>'


@pytest.mark.parametrize(
    "prose",
    [
        "5 * 3 * 2 = 30, a_b and snake_case_words, 3 < 4 > 2 & so on; it costs 5* or ~10",
        "see https://x.org/_foo_/bar_baz*qux*/**a** and https://y.org/__init__.py.",
        "(https://en.wikipedia.org/wiki/Foo_(bar)_baz)",
        "<b>no</b> HTML, &amp; no &lt;entities&gt; here, ![nor] pictures",
        "#hashtag 1) one | two -dash - dash",
        ">no quote\n-no item\n#no heading\n***",
        "**", "* * *", "||", "||||", "|| ||", "```\n```", "> ", "_", "[", "\\",
        "left  two   blanks\n   and an indentation\n\n\n\nand lines",
    ],
)  # fmt: skip
def test_plain_prose_comes_out_as_written(prose: str) -> None:
    """Stray marks are no marks, and an address keeps what looks like one."""
    assert shown(prose) == prose
    assert render(prose).plain == prose


@pytest.mark.parametrize(
    "address",
    ["**https://x.org/a**", "_https://x.org/a_", "||https://x.org/a||", "(*https://x.org/a*)", "~~https://x.org/a~~"],
)
def test_address_may_be_marked(address: str) -> None:
    """A mark that ends an address is none of it."""
    assert shown(address).strip("()") == "https://x.org/a"


NAMES = [
    "*x*",
    "[a](http://evil)",
    "__init__",
    "<b>",
    "||x||",
    "`x`",
    "# x",
    "- x",
    "> x",
    r"\*",
    "a_b",
    "-# x",
    "~~x~~",
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("place", ["{}", "Hello {}!", "**{}**", "- {}", "> {}", "# {}", "x\n{}"])
def test_names_are_shown_letter_by_letter(name: str, place: str) -> None:
    """Whatever somebody calls themselves, and wherever the catalog puts it."""
    assert name in shown(place.format(plain_name(name)))
    assert render(place.format(plain_name(name))).html.count("<a") == 0


@given(
    st.text(st.one_of(st.characters(categories=["L", "N", "P", "S"]), st.sampled_from(MARKS)), min_size=1, max_size=40)
)
def test_any_name_is_shown_letter_by_letter(name: str) -> None:
    """No name formats anything."""
    assert parse_html(render(f"Hello {plain_name(name)}!").html) == (f"Hello {name}!", [])


@given(any_text)
def test_telegram_takes_any_text(text: str) -> None:
    """No tag is left open, and nothing is an unescaped sign."""
    for part in render_parts(text):
        parse_html(part.html)
        for call in ({"text": part.html, "parse_mode": "HTML"}, {"text": part.plain}):
            assert specs.telegram_call("sendMessage", {"chat_id": "1", **call}) == []


@given(any_text)
def test_nothing_but_marks_is_lost(text: str) -> None:
    """Of a text without links and code every other sign is there, in order, and nothing is added but bullets."""
    text = text.replace("](", "] (").replace("```", "")
    visible = shown(text)
    assert without_marks(visible) == without_marks(text)
    assert len(visible) <= len(text)


@given(any_text)
def test_plain_form_shows_the_same(text: str) -> None:
    """Without links, the text without formatting is the text with it."""
    text = text.replace("](", "] (")
    assert parse_html(render(text).html)[0] == render(text).plain


@given(st.lists(any_text, max_size=5).map("\n\n".join), st.integers(min_value=64, max_value=200))
def test_parts_are_within_the_limit(text: str, limit: int) -> None:
    """Each part is, formatted or not, as Telegram counts; and none is blank."""
    for part in render_parts(text, limit):
        assert 0 < utf16_length(part.plain) <= limit
        assert utf16_length(parse_html(part.html)[0]) <= limit
        assert part.plain.strip()


def test_long_code_is_code_in_every_part() -> None:
    """A block that is split is reopened, with its language."""
    code = "\n".join(f"line_{i} = a < b" for i in range(400))
    parts = render_parts(f"Look:\n```py\n{code}\n```\n**The end.**")
    assert len(parts) == 3
    opening = '<pre><code class="language-py">line_'
    assert [part.html.count(opening) for part in parts] == [0, 1, 1]
    assert parts[-1].html.endswith("</code></pre>\n<b>The end.</b>")


def test_long_secret_is_hidden_in_every_part() -> None:
    """A spoiler that is longer than a message does not spill."""
    secret = "**Do not read.** Nor this. " * 400
    parts = render_parts(f"Who did it? ||{secret.strip()}|| The end.")
    shown_openly = ""
    for part in parts:
        text, entities = parse_html(part.html)
        (hidden,) = [entity for entity in entities if entity["type"] == "spoiler"]
        shown_openly += text[: hidden["offset"]] + text[hidden["offset"] + hidden["length"] :]
    assert (len(parts), shown_openly) == (3, "Who did it?  The end.")


@pytest.mark.parametrize(
    "piece",
    [
        "&",
        "***a***",
        "||a||",
        "[a](tg:b)",
        "> a\n\n",
        "```py\na\n```",
        '[a](tg:"")',
        "語",
        "[語](http://語語語語)",
        "# a\n",
        "`a`",
    ],
)
def test_dense_text_is_not_too_long_for_telegram(piece: str) -> None:
    """The API reads 32 kB of HTML, however few characters are seen."""
    for part in render_parts(piece * (4096 // len(piece))):
        assert len(part.html.encode()) <= 1 << 15


@pytest.mark.parametrize(
    "piece",
    ["[", "[*", "*a_", "||", "|| a ", "`", "``` ", "[a](", "**a ", "_*", "http://", "\\", "> ", "- ", "<", "[]("],
)
def test_hostile_text_is_rendered_quickly(piece: str) -> None:
    """Rendering runs on the event loop: a message of nothing but marks does not hold it up.

    The best of three, since the machine, or a garbage collection after thousands of tests, may hold up any one of them.
    """
    assert min(timeit.repeat(lambda: render(piece * (4096 // len(piece))), number=1, repeat=3)) < 1
