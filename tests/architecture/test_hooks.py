"""What every hook has in common, read from its source."""

import ast

import pytest

THEIRS = "original"  # the name that hooks give to what they stand in for


@pytest.fixture(scope="session")
def hooks(shipped):
    return [module for module in shipped if module.path.parent.name == "hooks"]


def calls_of(tree, name):
    """Each call of that name, with the nodes around it, outermost first."""

    def walk(node, around):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
            yield node, around
        for child in ast.iter_child_nodes(node):
            yield from walk(child, [*around, node])

    return walk(tree, [])


def steps_out(around):
    """Does what the call raises pass a handler that takes our frame off, in the innermost function?"""
    for node in reversed(around):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            return False
        if isinstance(node, ast.Try) and any(
            any(True for _ in calls_of(handler, "step_out")) and isinstance(handler.body[-1], ast.Raise)
            for handler in node.handlers
        ):
            return True
    return False


def is_context_manager(around):
    """`contextlib` takes the frame of a generator off by itself."""
    return isinstance(around[-1], ast.withitem)


def test_hooks_take_their_frame_off_what_passes_through_them(hooks):
    """Each call of the original stands in a `try` that ends in `step_out(error)` and a bare `raise`."""
    visible = [
        f"{module}:{call.lineno}"
        for module in hooks
        for call, around in calls_of(module.tree, THEIRS)
        if not steps_out(around) and not is_context_manager(around)
    ]
    assert visible == []
