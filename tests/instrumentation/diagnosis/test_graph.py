"""The wait-for graph: circles of any length, and who can never go on."""

from case_by_hand import CaseByHand

from loopscope.diagnosis.tarjan import components


def rings(edges):
    return sorted(sorted(component) for component in components(edges))


def test_components_of_a_graph():
    """Two circles joined by an edge, and a node alone."""
    edges = {1: [2], 2: [3], 3: [1, 4], 4: [5], 5: [4], 6: []}
    assert rings(edges) == [[1, 2, 3], [4, 5], [6]]


def test_a_very_long_circle_needs_no_recursion():
    """Chains of awaits are as long as a program makes them."""
    length = 50_000
    assert len(components({n: [(n + 1) % length] for n in range(length)})) == 1


def test_one_able_holder_is_enough_for_a_permit():
    """Of two holders one sleeps: it will release."""
    hand = CaseByHand()
    slots = hand.resource("semaphore", 2)
    sleeper, greedy, third = hand.task(), hand.task(), hand.task()
    hand.hold(sleeper, slots)
    hand.hold(greedy, slots)
    hand.wait(sleeper, "sleep")
    hand.wait(greedy, "semaphore", slots)
    hand.wait(third, "semaphore", slots)
    assert hand.case().graph.stuck == set()


def test_when_every_holder_waits_nobody_goes_on():
    """And neither does who awaits one of them."""
    hand = CaseByHand()
    slots = hand.resource("semaphore", 2)
    first, second, parent = hand.task(), hand.task(), hand.task()
    for task in (first, second):
        hand.hold(task, slots)
        hand.wait(task, "semaphore", slots)
    hand.wait(parent, "gather", awaits=(first.id, second.id))
    graph = hand.case().graph
    assert graph.stuck == {first.id, second.id, parent.id}
    assert graph.behind({first.id}) >= {parent.id}
    assert [task.id for task in graph.chain(parent.id)][:2] == [parent.id, first.id]


def test_a_gathering_waits_for_all_and_a_choice_for_any():
    """One stuck child stops a gather, not a wait for the first to end."""
    hand = CaseByHand()
    lock = hand.resource("lock", 1)
    stuck, free, gathering, choosing = (hand.task() for _ in range(4))
    hand.hold(stuck, lock)
    hand.wait(stuck, "lock", lock)
    hand.wait(gathering, "gather", awaits=(stuck.id, free.id))
    hand.wait(choosing, "task", awaits=(stuck.id, free.id))
    assert hand.case().graph.stuck == {stuck.id, gathering.id}


def test_a_time_out_ends_every_wait():
    """A task that gives up by itself is no part of a deadlock."""
    hand = CaseByHand()
    lock = hand.resource("lock", 1)
    task = hand.task()
    hand.hold(task, lock)
    hand.wait(task, "lock", lock, until=hand.now + 1)
    assert hand.case().graph.stuck == set()


def test_a_permit_that_others_release_proves_nothing():
    """Semaphores also count things: what one task acquires, another gives back."""
    hand = CaseByHand()
    places = hand.resource("semaphore", 1)
    places.handed = 1
    producer = hand.task()
    hand.hold(producer, places)
    hand.wait(producer, "semaphore", places)
    assert hand.case().graph.stuck == set()
