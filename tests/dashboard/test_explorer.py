"""The explorer as a server: what it answers, to whom, and with which headers."""

import http.client
import os
import urllib.error
import urllib.request

import pytest

from loopscope_dashboard.explorer.guard import policy
from loopscope_dashboard.explorer.reading import FRESH, Reading
from loopscope_dashboard.explorer.routes import TOKEN_HEADER


def test_the_list_has_jobs_processes_and_their_states(page, podcast, lost_podcast):
    """One document feeds the first page."""
    document = page.get("jobs").json()
    assert [job["state"] for job in document["jobs"]] == ["lost", "ok"]
    states = {process["pid"]: process["state"] for process in document["processes"]}
    assert states[os.getpid()] == "running"
    assert sorted(states.values()) == ["died", "running"]


def test_the_list_says_what_could_not_be_read(page, podcast, tmp_path):
    """A damaged segment beside good ones is a sentence on the page."""
    (tmp_path / "other-1-2-3.db").write_bytes(b"garbage" * 1000)
    [problem] = page.get("jobs").json()["problems"]
    assert "other-1-2-3.db" in problem


def test_a_timeline_that_has_not_changed_is_not_sent_again(page, podcast):
    """The page says which version it has."""
    document = page.get(f"jobs/{podcast}/timeline").json()
    again = page.get(f"jobs/{podcast}/timeline", params={"known": document["version"]})
    assert (again.status_code, again.content) == (204, b"")


def test_details_are_found_by_the_ids_that_the_timeline_sent(page, podcast):
    """A click on any lane or band has an answer."""
    job = f"jobs/{podcast}"
    document = page.get(f"{job}/timeline").json()
    for lane in document["lanes"]["id"]:
        assert page.get(f"{job}/tasks/{lane}").status_code == 200
    block = page.get(f"{job}/blocks/{document['bands'][0]['id']}").json()
    assert block["stack"]


def test_answers_are_neither_compressed_nor_kept(page, podcast):
    """Compressing costs more than the loopback connection, and a running job is different in a second."""
    headers = page.get("jobs", headers={"Accept-Encoding": "gzip"}).headers
    assert headers["content-encoding"] == "identity"
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "path",
    [
        "jobs",
        "findings",
        "jobs/1/findings",
        "jobs/1/timeline",
        "jobs/1/tasks/1",
        "jobs/1/blocks/1",
    ],
)
def test_nothing_is_told_without_the_pages_token(page, path):
    """Another program's page that guesses the address gets nothing."""
    for token in ("", "guess"):
        answer = page.get(f"{path}", headers={TOKEN_HEADER: token})
        assert answer.status_code == 403


@pytest.mark.parametrize("path", ["1/timeline", "1/findings", "{}/tasks/1", "{}/blocks/1"])
def test_what_is_not_there_is_a_sentence(page, podcast, path):
    """An old link, or a job that retention removed."""
    answer = page.get(f"jobs/{path.format(podcast)}")
    assert answer.status_code == 404
    assert " no " in answer.json()["error"]


def test_the_journal_is_read_once_for_many_pages(tmp_path, podcast):
    """Whatever asks within half a second gets what was read before."""
    now = [100.0]
    reading = Reading(tmp_path, clock=lambda: now[0])
    first = reading.history(podcast), reading.overview()
    now[0] += FRESH
    assert (reading.history(podcast), reading.overview()) == first
    assert reading.history(podcast) is first[0]
    now[0] += 0.01
    assert reading.history(podcast) is not first[0]


def test_the_policy_allows_a_pages_own_inline_scripts_and_no_others():
    """Their hashes are in the policy; nothing loads from elsewhere."""
    said = policy("<script>one()</script><script src='x.js'></script>")
    assert said.count("'sha256-") == 1
    assert "unsafe-inline" not in said.partition("style-src")[0]


def test_the_server_guards_its_pages(explorer):
    """Own host names only, a policy against foreign code, no framing, the components' files in place."""
    with urllib.request.urlopen(explorer, timeout=20) as page:
        assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    with urllib.request.urlopen(f"{explorer}/loopscope/static/timeline.js", timeout=20) as script:
        assert "javascript" in script.headers["Content-Type"]
    rebound = urllib.request.Request(explorer, headers={"Host": "evil.example"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(rebound, timeout=20)
    assert refused.value.code == 400
    refused.value.close()


def socket_status(address, host):
    """What Streamlit's web socket answers to a browser that calls the server by this name."""
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=20)
    upgrade = {
        "Host": host, "Connection": "Upgrade", "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }  # fmt: skip
    connection.request("GET", "/_stcore/stream", headers=upgrade)
    try:
        return connection.getresponse().status
    finally:
        connection.close()


def test_the_servers_sockets_accept_no_foreign_host(explorer):
    """A page on another name cannot open Streamlit's web socket: DNS rebinding ends here."""
    assert socket_status(explorer, "evil.example") in {400, 403}


def test_a_name_that_was_allowed_reaches_pages_and_sockets(allowing_explorer):
    """Behind a proxy or in a cluster the server has names of its own."""
    named = urllib.request.Request(allowing_explorer, headers={"Host": "obs.example"})
    with urllib.request.urlopen(named, timeout=20) as page:
        assert page.status == 200
    assert socket_status(allowing_explorer, "obs.example") == 101
    assert socket_status(allowing_explorer, "evil.example") in {400, 403}
