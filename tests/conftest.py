"""What holds for all tests: they neither see nor touch what the machine's owner has set up."""

import os

import pytest

FOREIGN = ("LOOPSCOPE_", "OTEL_")


@pytest.fixture(scope="session", autouse=True)
def own_environment(tmp_path_factory):
    """No setting from outside; the journal of whatever forgets to name one goes to a temporary folder."""
    with pytest.MonkeyPatch.context() as environment:
        for name in [name for name in os.environ if name.startswith(FOREIGN)]:
            environment.delenv(name)
        environment.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        environment.setenv("NO_PROXY", "127.0.0.1,localhost")
        yield
