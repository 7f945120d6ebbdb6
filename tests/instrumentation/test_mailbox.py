"""Letters between processes: a full pipe, a parent that is gone, a number used again cost one at most."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

from loopscope.mailbox import BEGUN, Address, Mailbox, Post


@pytest.fixture
def mailbox():
    opened = Mailbox()
    yield opened
    opened.close()


def test_letters_arrive_in_order_and_once_read_are_gone(mailbox):
    """Through the pipe's own address, as another process would write."""
    post = Post(mailbox.open())
    for number in range(3):
        post.send([BEGUN, number, 5])
    assert mailbox.read() == [[BEGUN, 0, 5], [BEGUN, 1, 5], [BEGUN, 2, 5]]
    assert mailbox.read() == []


def test_what_finds_no_room_is_sent_when_there_is_some(mailbox):
    """The worker never waits; its pump tries again."""
    post = Post(mailbox.open())
    text = "x" * 4000
    for number in range(400):
        post.send([BEGUN, number, text])
    arrived = mailbox.read()
    assert 0 < len(arrived) < 400
    while len(arrived) < 400:
        post.flush()
        more = mailbox.read()
        assert more
        arrived += more
    assert [number for _, number, _ in arrived] == list(range(400))


def test_a_closed_mailbox_never_kills_the_writer():
    """Not even one that dies of SIGPIPE, as many command line tools let themselves."""
    program = textwrap.dedent("""
        import signal
        from loopscope.mailbox import Mailbox, Post

        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        mailbox = Mailbox()
        post = Post(mailbox.open())
        mailbox.close()
        for number in range(100):
            post.send(["begun", number, 2])
        print("alive")
    """)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "alive")


def test_a_descriptor_that_became_another_file_is_left_alone(mailbox, tmp_path):
    """The inode tells: a letter in a user's file would be damage."""
    address = mailbox.open()
    with (tmp_path / "theirs").open("w+") as theirs:
        Post(Address(os.getpid(), theirs.fileno(), address.inode)).send([BEGUN, 1, 2])
        Post(Address(os.getpid(), address.descriptor, address.inode + 1)).send([BEGUN, 1, 2])
    assert (tmp_path / "theirs").read_text() == ""
    assert mailbox.read() == []
