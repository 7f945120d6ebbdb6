"""Hooks: one file per thing observed, each with `install(patches, settings)`."""
