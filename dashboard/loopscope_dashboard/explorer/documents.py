"""What every document that the pages poll has in common."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def versioned(document: dict[str, Any]) -> dict[str, Any]:
    """With a ``version`` that changes whenever anything else in it does."""
    return document | {"version": digest(json.dumps(document, sort_keys=True))}


def digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
