"""`python -m scripts.converse`: run stories through the engine with the current model, and say what differs."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bot.config import Settings
from bot.rehearsal import Failure, Rehearsed, rehearse
from bot.service import ServiceLoader
from bot.stories import StoryError
from bot.story_reading import read_stories
from intents.findings import CatalogError
from model.bundle import BundleError
from model.classifier import IntentClassifier
from scripts.options import fail, settings_or_exit, training_libraries, write_json

with training_libraries():
    from rich.console import Console
    from rich.table import Table

    from scripts.tables import plain_console

N_RANKED = 3
"""Of the ranking, as a failure shows it."""


def main() -> int:
    """Print how the stories went; return 1 if one failed or cannot be run, 2 if one is malformed."""
    settings = settings_or_exit()
    arguments = _arguments(settings)
    try:
        stories = read_stories(arguments.stories)
    except StoryError as error:
        print(error, file=sys.stderr)
        return 2
    try:
        classifier = _classifier(arguments, settings)
    except (BundleError, CatalogError) as error:
        fail(error)
    rehearsed = rehearse(stories, classifier, action_modules=settings.action_modules)
    _print(rehearsed)
    if arguments.json is not None:
        write_json(arguments.json, _figures(rehearsed))
    return int(not all(one.passed for one in rehearsed))


def _arguments(settings: Settings) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.converse", description=__doc__)
    parser.add_argument(
        "stories",
        nargs="*",
        type=Path,
        metavar="STORIES",
        default=[settings.stories] if settings.stories else [],
        help=f"files of stories, or directories of them ({settings.stories or 'STORIES_PATH'})",
    )
    parser.add_argument("--models", type=Path, default=settings.models_dir, metavar="DIR", help="(%(default)s)")
    parser.add_argument(
        "--intents",
        type=Path,
        metavar="PATH",
        help=f"answers and conversations come from here; its patterns must be the model's ({settings.intents_path})",
    )
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the outcome here too")
    arguments = parser.parse_args()
    if not arguments.stories:
        parser.error("name the stories, or set STORIES_PATH: those that come with Parley are for its starter intents")
    return arguments


def _classifier(arguments: argparse.Namespace, settings: Settings) -> IntentClassifier:
    """Return what the bot would serve with, and tell its notes; an intents file that was asked for must fit."""
    path = arguments.intents or settings.intents_path
    loader = ServiceLoader(arguments.models, path, settings.confidence_threshold, settings.model_runtime)
    service = loader.at_start() if arguments.intents is None else loader.anew()
    if arguments.intents is not None and service.notes:
        fail("\n".join(service.notes))
    for note in service.notes:
        print(note, file=sys.stderr)
    return service.classifier


def _print(rehearsed: Sequence[Rehearsed]) -> None:
    console = plain_console()
    table = Table("story", "turns", "outcome", title_justify="left")
    for one in rehearsed:
        story = one.placed.story
        outcome = "passed" if one.failure is None else f"differs at turn {one.failure.number}"
        table.add_row(story.story, str(len(story.turns)), outcome)
    console.print(table)
    for one in rehearsed:
        if one.failure is not None:
            _print_failure(console, one.placed.story.story, one.failure)
    n_passed = sum(one.passed for one in rehearsed)
    console.print(f"{n_passed} of {len(rehearsed)} stories passed")


def _print_failure(console: Console, name: str, failure: Failure) -> None:
    lines = [f"{failure.place}: {name}, turn {failure.number}", f"  said      {_indented(failure.said)}"]
    for difference in failure.differences:
        lines.append(f"  {difference.field}")
        lines.append(f"    expected  {_indented(difference.expected)}")
        lines.append(f"    got       {_indented(difference.got)}")
    lines.append(f"  answer    {_indented(failure.answer)}")
    if failure.decision is not None:
        ranking = [f"{ranked.tag} {ranked.confidence:.2f}" for ranked in failure.decision.ranking[:N_RANKED]]
        lines.append(f"  ranking   {', '.join(ranking) or 'nothing'}")
        lines.append(f"  reason    {failure.decision.reason}, score {failure.decision.score:.2f}")
    console.print("\n".join(lines), soft_wrap=True)


def _indented(text: str) -> str:
    return text.replace("\n", "\n            ")


def _figures(rehearsed: Sequence[Rehearsed]) -> dict[str, Any]:
    return {
        "n": len(rehearsed),
        "passed": sum(one.passed for one in rehearsed),
        "stories": [
            {
                "story": one.placed.story.story,
                "file": one.placed.file,
                "turns": len(one.placed.story.turns),
                "passed": one.passed,
                "failure": None if one.failure is None else _failure_json(one.failure),
            }
            for one in rehearsed
        ],
    }


def _failure_json(failure: Failure) -> dict[str, Any]:
    decision = failure.decision
    return {
        "turn": failure.number,
        "place": failure.place,
        "said": failure.said,
        "differences": [asdict(difference) for difference in failure.differences],
        "answer": failure.answer,
        "reason": None if decision is None else decision.reason,
        "ranking": [] if decision is None else [ranked._asdict() for ranked in decision.ranking[:N_RANKED]],
    }


if __name__ == "__main__":
    sys.exit(main())
