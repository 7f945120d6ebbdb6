"""loopscope: runtime observability for async Python services."""
