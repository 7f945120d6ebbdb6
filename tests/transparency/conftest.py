"""What the transparency tests could not compare is said at the end of every run that holds them."""

from transparency import cpython


def pytest_terminal_summary(terminalreporter):
    if sentence := cpython.absent():
        terminalreporter.write_line(sentence)
