"""Records out of the cyclic collector's sight: it looks at every container there is, each time anew.

What has ended, and is of no concern to the program, refers to nothing that leads back to it, so counting
references frees it; ten thousand of them would cost a busy service a tenth of its speed.
"""

from __future__ import annotations

__all__ = ["untrack"]

try:
    from loopscope.hooks._fast import untrack
except ImportError:  # no compiler where it was installed

    def untrack(*_: object) -> None:
        """For objects of classes made in Python, no weak references, in no cycle now or ever."""
