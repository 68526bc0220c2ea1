"""The queue of jobs: fair by address and person, abandoned jobs end, and nobody is locked out."""

from __future__ import annotations

import threading

import pytest

from mug.errors import Cancelled, GenerationError
from mug.ui.jobs.job import BROKEN, Job
from mug.ui.jobs.owner import Owner
from mug.ui.jobs.queue import JobQueue, QueueLimits


def test_jobs_come_in_order_and_can_be_given_up() -> None:
    queue, began, go, done = JobQueue(), threading.Event(), threading.Event(), []

    def first(job: Job) -> str:
        began.set()
        go.wait(20)
        done.append("first")
        return "made"

    jobs = [queue.join(first, Owner("a"))]
    jobs += [queue.join(lambda _, name=name: done.append(name), Owner(name)) for name in "bc"]
    began.wait(20)
    assert [queue.place(job) for job in jobs] == [0, 1, 2]
    assert queue.cancel(Owner("b")) == 1
    go.set()
    for job in jobs:
        assert job.finished.wait(20)
    assert jobs[0].result == "made"
    assert isinstance(jobs[1].error, Cancelled)
    assert done == ["first", "c"]


def test_a_running_job_is_stopped_by_its_cancel() -> None:
    queue, began = JobQueue(), threading.Event()

    def work(job: Job) -> None:
        job.progress(1, 10)
        began.set()
        while not job.should_stop():
            pass
        raise Cancelled("cancelled")

    job = queue.join(work, Owner("me"))
    began.wait(20)
    job.cancel()
    assert job.finished.wait(20)
    assert isinstance(job.error, Cancelled)


def test_a_defect_in_a_job_does_not_end_the_queue(caplog: pytest.LogCaptureFixture) -> None:
    queue = JobQueue()
    broken = queue.join(lambda _: 1 // 0, Owner("me"))
    assert broken.finished.wait(20)
    assert broken.error is not None
    assert broken.error.what.code == BROKEN
    assert "ZeroDivisionError" in caplog.text
    after = queue.join(lambda _: "fine", Owner("other"))
    assert after.finished.wait(20)
    assert after.result == "fine"


def test_who_hears_that_a_job_is_finished_may_join_again() -> None:
    queue, go = JobQueue(QueueLimits(by_tab=1)), threading.Event()
    first = queue.join(lambda _: go.wait(20), Owner("me"))
    again: list[Job | GenerationError] = []

    class Eager(threading.Event):
        """Joins in the very moment in which the job is said to be finished."""

        def set(self) -> None:
            try:
                again.append(queue.join(lambda _: "again", Owner("me")))
            except GenerationError as error:
                again.append(error)
            super().set()

    first.finished = Eager()
    go.set()
    assert first.finished.wait(20)
    assert isinstance(again[0], Job), again
    assert again[0].finished.wait(20)
    assert again[0].result == "again"


def test_one_visitor_cannot_fill_the_queue() -> None:
    limits = QueueLimits(by_tab=2, by_address=4, longest=20)
    queue, go = JobQueue(limits), threading.Event()
    try:
        for tab in "xxyy":
            queue.join(lambda _: go.wait(20), Owner("me", tab))
        for tab in "xz":  # whatever number the client gives itself
            with pytest.raises(GenerationError, match="still running"):
                queue.join(lambda _: None, Owner("me", tab))
        queue.join(lambda _: None, Owner("you", "x"))
    finally:
        go.set()


def test_one_person_cannot_fill_the_queue_from_many_addresses() -> None:
    queue, go = JobQueue(QueueLimits(by_person=2)), threading.Event()
    try:
        for address in "ab":
            queue.join(lambda _: go.wait(20), Owner(address, "x", "me"))
        with pytest.raises(GenerationError, match="still running"):
            queue.join(lambda _: None, Owner("c", "x", "me"))
        queue.join(lambda _: None, Owner("c", "x", "you"))
    finally:
        go.set()


def test_each_address_and_person_has_a_job_before_any_has_a_second() -> None:
    queue, go, done = JobQueue(), threading.Event(), []
    queue.join(lambda _: go.wait(20), Owner("greedy", "0"))
    owners = [Owner("greedy", f"{number}") for number in range(1, 6)]
    owners += [
        Owner("late", "x"),
        Owner("one", "x", "rich"),
        Owner("two", "x", "rich"),
        Owner("last"),
    ]
    jobs = [queue.join(lambda _, one=one: done.append(one), one) for one in owners]
    places = [queue.place(job) for job in jobs]
    go.set()
    for job in jobs:
        assert job.finished.wait(20)
    assert [owners[place - 1] for place in range(1, 10)] == owners
    assert [done.index(one) + 1 for one in owners] == places
    order = [one.address for one in done]
    assert order[:3] == ["late", "one", "last"]
    assert order[3:5] == ["greedy", "two"]


def test_in_a_full_queue_who_has_many_gives_way_to_who_has_none() -> None:
    queue, go = JobQueue(QueueLimits(longest=3)), threading.Event()
    try:
        mine = [queue.join(lambda _: go.wait(20), Owner("me", f"{n}")) for n in range(3)]
        with pytest.raises(GenerationError, match="full"):
            queue.join(lambda _: None, Owner("me", "4"))
        queue.join(lambda _: None, Owner("you"))
        assert mine[-1].finished.wait(20)
        assert "full" in str(mine[-1].error)
        queue.join(lambda _: None, Owner("they"))
        with pytest.raises(GenerationError, match="full"):  # all have one by now
            queue.join(lambda _: None, Owner("late"))
        assert not mine[0].finished.is_set()
    finally:
        go.set()


def test_a_job_to_which_nobody_listens_ends() -> None:
    queue, go, began = (
        JobQueue(QueueLimits(patience_s=0.0, leave_s=0.0)),
        threading.Event(),
        threading.Event(),
    )

    def work(job: Job) -> None:
        began.set()
        while not job.should_stop():
            go.wait(0.01)
        raise Cancelled("cancelled")

    running, heard = queue.join(work, Owner("a")), queue.join(lambda _: "made", Owner("b"))
    waiting = queue.join(lambda _: None, Owner("c"))
    assert began.wait(20)
    assert queue.end_abandoned(lambda owner: True) == 0
    assert queue.end_abandoned(lambda owner: owner.address == "b") == 2
    for job in (running, heard, waiting):
        assert job.finished.wait(20)
    assert heard.result == "made"
    assert isinstance(running.error, Cancelled)
    assert isinstance(waiting.error, Cancelled)


def test_who_has_not_come_yet_is_waited_for_longer_than_who_has_left() -> None:
    queue, go = JobQueue(QueueLimits(patience_s=60.0, leave_s=0.0)), threading.Event()
    try:
        queue.join(lambda _: go.wait(20), Owner("first"))
        job = queue.join(lambda _: None, Owner("late"))
        assert queue.end_abandoned(lambda _: False) == 0
        assert queue.end_abandoned(lambda _: True) == 0
        assert queue.end_abandoned(lambda _: False) == 2
        assert job.finished.wait(20)
    finally:
        go.set()


def test_who_gives_up_while_waiting_leaves_the_line_at_once() -> None:
    queue, go = JobQueue(), threading.Event()
    try:
        queue.join(lambda _: go.wait(20), Owner("a"))
        job = queue.join(lambda _: None, Owner("b", "x"))
        assert queue.cancel(Owner("elsewhere", "x")) == 0  # a number that somebody guessed
        assert queue.cancel(Owner("b", "x")) == 1
        assert job.finished.wait(20)
    finally:
        go.set()
