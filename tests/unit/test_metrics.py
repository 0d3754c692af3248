"""What is counted, and what admins are told of it."""

from prometheus_client import generate_latest

from bot.metrics import AnswerReason, Metrics, ReloadOutcome
from model.decision import Reason


def page(metrics: Metrics) -> list[str]:
    return generate_latest(metrics.registry).decode().splitlines()


def test_every_rule_of_the_decision_is_a_reason() -> None:
    """An answer can always be counted under the rule that decided."""
    assert {AnswerReason(reason).value for reason in Reason} == {reason.value for reason in Reason}


def test_events_are_counted_by_their_labels() -> None:
    """Each event moves its own counter, and no other."""
    metrics = Metrics()
    metrics.received("discord")
    metrics.received("telegram")
    metrics.received("telegram")
    metrics.answered("telegram", AnswerReason.EXACT, 0.004)
    metrics.answered("discord", AnswerReason.BELOW_THRESHOLD, 0.03)
    metrics.reloaded(ReloadOutcome.REFUSED)
    metrics.voted("discord", is_up=False)
    metrics.worker_replaced()
    lines = page(metrics)
    assert 'parley_messages_total{platform="telegram"} 2.0' in lines
    assert 'parley_answers_total{platform="discord",reason="below_threshold"} 1.0' in lines
    assert 'parley_answer_seconds_bucket{le="0.005",platform="telegram"} 1.0' in lines
    assert 'parley_answer_seconds_bucket{le="0.025",platform="discord"} 0.0' in lines
    assert 'parley_reloads_total{outcome="refused"} 1.0' in lines
    assert 'parley_votes_total{platform="discord",thumb="down"} 1.0' in lines
    assert "parley_scoring_threads_replaced_total 1.0" in lines


def test_figures_of_the_moment_are_read_when_asked_for() -> None:
    """Nobody has to tell the metrics of every context and every reconnect."""
    metrics = Metrics()
    contexts: list[str] = []
    metrics.watch(contexts=lambda: len(contexts), waiting=lambda: 7)
    connected = {"discord": False}
    metrics.watch_platform("discord", lambda: connected["discord"])
    assert {"parley_contexts 0.0", 'parley_platform_connected{platform="discord"} 0.0'} <= set(page(metrics))
    contexts.append("somebody")
    connected["discord"] = True
    assert {"parley_contexts 1.0", 'parley_platform_connected{platform="discord"} 1.0'} <= set(page(metrics))
    assert "parley_queue_length 7.0" in page(metrics)


def test_two_instances_share_nothing() -> None:
    """There is no registry of the whole process."""
    one, other = Metrics(), Metrics()
    one.received("discord")
    assert one.summary().messages == {"discord": 1}
    assert other.summary().messages == {}


def test_the_summary_adds_up() -> None:
    """Reasons and thumbs are added over platforms, and the latency is the bound of a bucket."""
    metrics = Metrics()
    metrics.watch(contexts=lambda: 3, waiting=lambda: 2)
    metrics.watch_platform("discord", lambda: True)
    metrics.watch_platform("telegram", lambda: False)
    for n in range(100):
        metrics.answered("discord" if n % 2 else "telegram", AnswerReason.CONFIDENT, 0.003)
    metrics.answered("discord", AnswerReason.ERROR, 0.2)
    metrics.answered("discord", AnswerReason.ERROR, 60.0)
    metrics.voted("discord", is_up=True)
    metrics.voted("telegram", is_up=True)
    metrics.voted("telegram", is_up=False)
    metrics.reloaded(ReloadOutcome.RELOADED)
    summary = metrics.summary()
    assert summary.answers == {"confident": 100, "error": 2}
    assert (summary.median_s, summary.slowest_s) == (0.005, 0.25)
    assert (summary.contexts, summary.waiting) == (3, 2)
    assert (summary.votes_up, summary.votes_down) == (2, 1)
    assert summary.reloads == {"reloaded": 1}
    assert summary.platforms == {"discord": True, "telegram": False}


def test_a_summary_before_the_first_answer() -> None:
    """Nothing was measured yet, and nothing is made up."""
    summary = Metrics().summary()
    assert (summary.median_s, summary.slowest_s) == (None, None)
    assert (summary.contexts, summary.votes_up) == (0, 0)
