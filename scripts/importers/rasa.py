"""Projects of Rasa 1 to 3: training data, domain, rules and stories into intents, slots and follow-ups."""

from dataclasses import dataclass, field

from scripts.importers.documents import Node, read_yaml
from scripts.importers.drafts import Bot, Ledger
from scripts.importers.rasa_building import build
from scripts.importers.rasa_domain import Domain, is_domain, read_domain
from scripts.importers.rasa_paths import Path, is_markdown_story, read_markdown_paths, read_paths
from scripts.importers.rasa_training import Training, is_markdown_training, read_markdown, read_training
from scripts.importers.sources import ImportSourceError, Source, SourceFile

PARTS = ("nlu", "rules", "stories", "responses", "templates", "slots", "forms")
_NO_ROLE = frozenset({"config.yml", "credentials.yml", "endpoints.yml", "docker-compose.yml"})


@dataclass(slots=True)
class _Project:
    """What the files of a project come to."""

    source: Source
    ledger: Ledger
    training: Training = field(default_factory=Training)
    domain: Domain = field(default_factory=Domain)
    paths: list[Path] = field(default_factory=list)
    language: str | None = None

    def read(self, file: SourceFile) -> None:
        """Read one file, if it has a part in the bot."""
        if _is_test(file):
            return
        if file.path.suffix.lower() == ".md":
            text = file.text()
            if is_markdown_training(text):
                read_markdown(file, self.source, self.training, self.ledger)
            elif is_markdown_story(text):
                self.paths += read_markdown_paths(file, self.ledger)
        elif file.path.suffix.lower() in {".yml", ".yaml"}:
            self._read_document(file, read_yaml(file.text(), file.name))

    def _read_document(self, file: SourceFile, root: Node) -> None:
        self.language = _language(root, file) or self.language
        read_training(root, file, self.source, self.training, self.ledger)
        if is_domain(root) and file.path.name not in _NO_ROLE:
            read_domain(root, file, self.domain, self.ledger)
        self.paths += read_paths(root, file, self.ledger)
        for name, flow in root["flows"].items():
            self.ledger.find("flows")
            why = "left out: flows of Rasa Pro have no counterpart; write an intent with slots"
            self.ledger.lose("flows", f"{file.name}:{flow.line}", f"flow {name}", why)


def read_rasa(source: Source, ledger: Ledger) -> list[Bot]:
    """Return the bot of a project, one a language where examples say theirs.

    Raises
    ------
    ImportSourceError
        Nothing of a bot is found.
    """
    project = _Project(source, ledger)
    faults: list[str] = []
    for file in source.files:
        try:
            project.read(file)
        except ImportSourceError as error:
            faults.append(str(error))
    if not project.training.examples and not project.domain.responses:
        raise ImportSourceError(faults[0] if faults else f"{source.path}: holds no nlu and no domain of Rasa")
    for fault in faults:
        place, _, why = fault.partition(": ")
        ledger.note(place, "file", f"not read: {why}")
    return build(project.training, project.domain, project.paths, project.language, ledger)


def _language(root: Node, file: SourceFile) -> str | None:
    """Return the language that the project's configuration states."""
    if file.path.name.startswith("config") and ("pipeline" in root or "policies" in root):
        language = root["language"].text.partition("-")[0].partition("_")[0]
        return language if language.isalpha() else None
    return None


def _is_test(file: SourceFile) -> bool:
    return "tests" in file.path.parts[:-1] or file.path.name.startswith(("test_", "failed_test"))
