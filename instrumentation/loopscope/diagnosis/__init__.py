"""The diagnosis: rules over one frozen case say why a job is stuck or slow, and name the line.

A `Case` is all that is known of one process at one moment: its open work and the bounded history of what has
ended. It is built from the live state or from a journal, and gives the same findings either way. How to add a
rule stands in `loopscope.diagnosis.rules`.
"""
