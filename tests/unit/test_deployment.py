"""The files in deploy/: that they name what there is, and keep the bot locked in."""

import json
import re
from pathlib import Path
from typing import Any

from prometheus_client import generate_latest
from ruamel.yaml import YAML

from bot.metrics import Metrics

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
TOOLS = {"PATH", "PIP_DISABLE_PIP_VERSION_CHECK", "PIP_NO_CACHE_DIR", "KERAS_HOME"}
TOOLS |= {"PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"}


def known_variables() -> set[str]:
    return set(re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text("utf-8"), re.MULTILINE))


def compose() -> dict[str, Any]:
    services: dict[str, Any] = YAML(typ="safe").load((DEPLOY / "compose.yaml").read_text("utf-8"))["services"]
    return services


def service_lines() -> list[str]:
    return (DEPLOY / "parley.service").read_text("utf-8").splitlines()


def test_every_variable_is_one_that_is_read() -> None:
    """A variable that was renamed would be set in vain."""
    image = re.findall(r"(?<=[ \\t])([A-Z_]+)=\S", (DEPLOY / "Dockerfile").read_text("utf-8"))
    composed = [name for one in compose().values() for name in one["environment"]]
    in_unit = {name for line in service_lines() for name in re.findall(r"(?<=[ =])([A-Z_]+)=[/1]", line)}
    assert {"MODELS_DIR", "STATE_DIR", "ENCODER_DIR"} <= set(image) & set(composed) & in_unit
    assert (set(image) | set(composed) | in_unit) - TOOLS - known_variables() == set()


def test_the_image_is_no_root_and_holds_no_training() -> None:
    """The last stage takes the environment of the run lock, and a user of no rights."""
    stages = re.split(r"^FROM ", (DEPLOY / "Dockerfile").read_text("utf-8"), flags=re.MULTILINE)
    last = stages[-1]
    assert last.startswith("base AS run")
    assert "USER 10001" in last
    assert "HEALTHCHECK" in last
    assert "pip install" not in last
    (build,) = [stage for stage in stages if stage.startswith("base AS build")]
    installs = re.findall(r"pip install ([^&\n]*)", build)
    assert installs
    assert all("--require-hashes" in one or "--no-deps" in one for one in installs)


def test_the_image_sees_no_secrets() -> None:
    """Neither tokens nor models nor history reach the build."""
    lines = (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    assert "*" in lines
    assert {".env", ".git", ".parley"}.isdisjoint(line.removeprefix("!") for line in lines)


def test_containers_are_locked_in() -> None:
    """A root that cannot be written to, no capability, no new privileges, and a page that only this machine reaches."""
    for service in compose().values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
    assert compose()["bot"]["ports"] == ["127.0.0.1:8080:8080"]
    assert compose()["bot"]["stop_grace_period"] == "15s", "the bot takes up to 10 s"


def test_the_unit_starts_no_bot_that_cannot_start() -> None:
    """A wrong configuration would only wear out Discord's daily number of connections."""
    lines = service_lines()
    assert "RestartPreventExitStatus=2 78" in lines
    assert {"NoNewPrivileges=yes", "ProtectSystem=strict", "DynamicUser=yes", "CapabilityBoundingSet="} <= set(lines)


def test_the_unit_keeps_its_own_places() -> None:
    """A line of the environment file, an empty one too, wins over `Environment=`, but not over the command."""
    unit = "\n".join(service_lines()).replace("\\\n", "")
    (command,) = re.findall(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    places = set(re.findall(r"([A-Z_]+)=/var/lib/parley/", command))
    assert places == {"MODELS_DIR", "STATE_DIR", "ENCODER_DIR"}
    assert not re.search(r"^Environment=.*_DIR=", unit, re.MULTILINE)


def test_the_dashboard_asks_for_metrics_that_there_are() -> None:
    """A panel over a metric that nobody exports would stay empty."""
    metrics = Metrics()
    exported = set(re.findall(r"^# TYPE (\S+)", generate_latest(metrics.registry).decode(), re.MULTILINE))
    exported |= {f"{name}{ending}" for name in exported for ending in ("_bucket", "_sum", "_count")}
    exported |= {"process_resident_memory_bytes", "process_cpu_seconds_total", "process_start_time_seconds"}  # on Linux
    dashboard = json.loads((ROOT / "deploy" / "grafana.json").read_text("utf-8"))
    asked = {
        name
        for panel in dashboard["panels"]
        for target in panel["targets"]
        for name in re.findall(r"\b((?:parley|process)_\w+)\{", target["expr"])
    }
    assert len(asked) > 10
    assert asked <= exported
    assert "parley_platform_connected" in asked
