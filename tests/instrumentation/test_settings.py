"""Settings: keywords, variables, defaults, and what bad ones say."""

from __future__ import annotations

import pytest

from loopscope.settings import Settings, SettingsError


def test_keywords_win_over_variables_and_variables_over_defaults(monkeypatch):
    """Each setting has both faces."""
    monkeypatch.setenv("LOOPSCOPE_STUCK_AFTER", "12.5")
    monkeypatch.setenv("LOOPSCOPE_METRICS_PORT", "0")
    monkeypatch.setenv("LOOPSCOPE_PROPAGATE_CONTEXT", "off")
    settings = Settings.read(metrics_port=9000)
    assert settings.stuck_after == 12.5
    assert settings.metrics_port == 9000
    assert settings.propagate_context is False
    assert settings.block_threshold == Settings().block_threshold


def test_a_port_can_be_switched_off(monkeypatch):
    """With the word too."""
    monkeypatch.setenv("LOOPSCOPE_METRICS_PORT", "off")
    assert Settings.read().metrics_port == -1


def test_the_journal_stands_in_the_users_state_folder(monkeypatch):
    """As the XDG specification has it."""
    monkeypatch.delenv("LOOPSCOPE_JOURNAL", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert Settings.read().journal == "/state/loopscope/journal"


def test_the_service_is_named_by_opentelemetrys_variable(monkeypatch):
    """One name for both."""
    monkeypatch.delenv("LOOPSCOPE_SERVICE", raising=False)
    monkeypatch.setenv("OTEL_SERVICE_NAME", "podcasts")
    assert Settings.read().service == "podcasts"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"metrics_prot": 1}, "unknown setting 'metrics_prot'; expected one of: service, journal"),
        ({"metrics_port": "http"}, "metrics_port is 'http'; expected a whole number"),
        ({"stuck_after": "soon"}, "stuck_after is 'soon'; expected a number"),
        ({"stuck_after": -1}, "stuck_after is -1; expected a number that is not negative"),
        ({"stuck_after": float("inf")}, "stuck_after is inf; expected a finite number"),
        ({"block_threshold": "nan"}, "block_threshold is 'nan'; expected a finite number"),
        ({"drain_interval": 0}, "drain_interval is 0; expected at least 0.001 seconds"),
        ({"detail_rate": [1]}, "expected a whole number"),
        ({"propagate_context": "maybe"}, "propagate_context is 'maybe'; expected true or false"),
    ],
)
def test_a_bad_setting_is_a_sentence(given, sentence):
    """What was found and what was expected."""
    with pytest.raises(SettingsError, match=sentence):
        Settings.read(**given)


def test_a_bad_variable_is_named_as_the_variable(monkeypatch):
    """So that the reader knows where to look."""
    monkeypatch.setenv("LOOPSCOPE_DRAIN_INTERVAL", "often")
    with pytest.raises(SettingsError, match="LOOPSCOPE_DRAIN_INTERVAL is 'often'; expected a number"):
        Settings.read()
