"""The pool: which worker reads which mail, what waits, what is killed, and which content is known to kill."""

from __future__ import annotations

import os
import secrets
import selectors
import signal
import socket
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from msgspec.structs import replace
from sekisho_core.events import Events

from sekisho_inspection import wire
from sekisho_inspection.settings import InspectionSettings
from sekisho_inspection.wire import Answer, Hello, Request, Status, WireError

Reply = Callable[[Answer, Sequence[int]], None]
Start = Callable[[], tuple[int, socket.socket]]
# A worker locks itself in within milliseconds; on a loaded machine within a second.
_START_LIMIT = 30.0
# Workers that die before they are ready are not replaced faster than this.
_START_PAUSE = 1.0
_LOWEST_PRIORITY = 19
_POISON_MEMORY = 10_000


@dataclass(eq=False)
class Job:
    """A request on its way: when it arrived, when a worker first had it, and who gets the answer. The pool closes the
    descriptors when it has answered."""

    request: Request
    descriptors: list[int]
    reply: Reply
    arrived: float
    started: float | None = None


@dataclass(eq=False)
class _Worker:
    pid: int
    connection: socket.socket
    since: float
    state: Literal["starting", "idle", "busy", "slow"] = "starting"
    job: Job | None = None
    mails: int = 0
    # Goes with the task and comes back with its answer: what was said before a task was known is no answer to it.
    turn: int = 0


class Poison:
    """How often each content killed a worker; the oldest are forgotten beyond `length`."""

    def __init__(self, threshold: int, length: int = _POISON_MEMORY) -> None:
        self._threshold = threshold
        self._length = length
        self._kills: OrderedDict[str, int] = OrderedDict()

    def blame(self, sha256: str) -> None:
        """Count one kill; a watchdog's job has no hash and is never to blame."""
        if not sha256:
            return
        self._kills[sha256] = self._kills.pop(sha256, 0) + 1
        if len(self._kills) > self._length:
            self._kills.popitem(last=False)

    def absolve(self, sha256: str) -> None:
        """Forget a content that was read after all: something else had killed its worker."""
        self._kills.pop(sha256, None)

    def knows(self, sha256: str) -> bool:
        """Whether the content killed as many workers as are allowed."""
        return self._kills.get(sha256, 0) >= self._threshold


class Pool:
    """Keeps `count` workers and a bounded queue. It never looks into a mail; answers are checked in form only.

    `tick` must be called after every event on a worker's socket, and whenever `next_event` seconds have passed.
    """

    def __init__(
        self,
        settings: InspectionSettings,
        count: int,
        start: Start,
        selector: selectors.BaseSelector,
        events: Events,
        clock: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._count = count
        self._start = start
        self._selector = selector
        self._events = events
        self._clock = clock
        self._poison = Poison(settings.poison_after)
        self._workers: set[_Worker] = set()
        self._queue: deque[Job] = deque()
        self._leaving: set[int] = set()
        self._outcomes: Counter[str] = Counter()
        self._hello = Hello((), ())
        self._not_before = 0.0
        self._lost_workers = 0

    def submit(self, job: Job) -> None:
        """Have a job done; it is answered at once if it cannot be. A watchdog's job has no hash and goes first."""
        if self._poison.knows(job.request.sha256):
            self._finish(job, Answer("poison"))
        elif not job.request.sha256:
            self._queue.appendleft(job)
        elif len(self._queue) >= self._settings.queue_length:
            self._finish(job, Answer("busy", "queue is full"))
        else:
            self._queue.append(job)
        self._hand_out()

    def abandon(self, job: Job) -> None:
        """Nobody waits for this job any more; a worker that has it finishes in peace."""
        with suppress(ValueError):
            self._queue.remove(job)
            wire.close_all(job.descriptors)
        job.reply = _nobody

    def tick(self) -> None:
        """Kill what is over its deadline, answer what waited too long, bring the pool to its size."""
        now = self._clock()
        for worker in [worker for worker in self._workers if self._limit_of(worker) <= now]:
            self._kill_overdue(worker)
        self._set_slow_aside(now)
        for job in [job for job in self._queue if self._limit_in_queue(job) <= now]:
            self._queue.remove(job)
            self._finish(job, Answer("busy", "no worker was free") if job.started is None else Answer("timeout"))
        self._reap()
        self._refill(now)
        self._hand_out()

    def next_event(self) -> float:
        """Seconds until `tick` has something to do; at most one, for the reaping of ended workers."""
        limits = [self._limit_of(worker) for worker in self._workers]
        limits += [self._limit_in_queue(job) for job in self._queue]
        limits += [worker.since + self._settings.slow_after for worker in self._workers if worker.state == "busy"]
        if self._quick < self._count:
            limits.append(self._not_before)
        return min(1.0, max(0.0, min(limits, default=1e9) - self._clock()))

    def status(self) -> Status:
        """The state now."""
        states = Counter(worker.state for worker in self._workers)
        hello = self._hello
        return Status(
            workers=len(self._workers),
            idle=states["idle"],
            busy=states["busy"],
            slow=states["slow"],
            waiting=len(self._queue),
            lost=self._lost_workers,
            outcomes=dict(self._outcomes),
            active=hello.active,
            missing=hello.missing,
        )

    @property
    def resting(self) -> bool:
        """Whether no job is waiting or being done."""
        return not self._queue and not any(worker.job for worker in self._workers)

    def close(self) -> None:
        """End all workers."""
        for worker in list(self._workers):
            self._remove(worker)
        for pid in self._leaving:
            os.waitpid(pid, 0)

    @property
    def _quick(self) -> int:
        """Workers that have or will soon have a turn: slow ones were given theirs and do not count."""
        return sum(worker.state != "slow" for worker in self._workers)

    def _set_slow_aside(self, now: float) -> None:
        """Take the turn from workers that are long about one mail: they go on at the lowest priority, another one
        takes their place, and of too many the longest at it is killed. So no mail can stall the others."""
        for worker in [worker for worker in self._workers if worker.state == "busy"]:
            if worker.since + self._settings.slow_after <= now:
                worker.state = "slow"
                with suppress(OSError):
                    os.setpriority(os.PRIO_PROCESS, worker.pid, _LOWEST_PRIORITY)
        slow = sorted((one for one in self._workers if one.state == "slow"), key=lambda one: one.since)
        for worker in slow[: max(0, len(slow) - self._settings.slow_workers)]:
            self._kill_overdue(worker)

    def _limit_of(self, worker: _Worker) -> float:
        if worker.state == "starting":
            return worker.since + _START_LIMIT
        if worker.job is None or worker.job.started is None:
            return float("inf")
        return worker.job.started + self._deadline(worker.job)

    def _deadline(self, job: Job) -> float:
        return self._settings.deadline * (wire.COMPILE_DEADLINES if job.request.task == "compile" else 1)

    def _limit_in_queue(self, job: Job) -> float:
        # A job that is retried has the rest of its one deadline, so a scan's time is bounded whatever the mail does.
        if job.started is not None:
            return job.started + self._deadline(job)
        return job.arrived + self._settings.queue_wait

    def _refill(self, now: float) -> None:
        while self._quick < self._count and now >= self._not_before:
            try:
                worker = _Worker(*self._start(), now)
            except OSError as error:
                self._not_before = now + _START_PAUSE
                self._events.error("inspection-no-worker", detail=error.strerror)
                return
            self._workers.add(worker)
            self._selector.register(worker.connection, selectors.EVENT_READ, lambda worker=worker: self._hear(worker))

    def _hand_out(self) -> None:
        idle = [worker for worker in self._workers if worker.state == "idle"] if self._queue else []
        while self._queue and idle:
            worker, job = idle.pop(), self._queue.popleft()
            worker.state, worker.job, worker.mails = "busy", job, worker.mails + 1
            worker.since, worker.turn = self._clock(), secrets.randbits(63)
            job.started = worker.since if job.started is None else job.started
            # A worker that died idle is noticed when its socket is heard; the job goes to the next one then.
            with suppress(OSError):
                wire.send(worker.connection, replace(job.request, turn=worker.turn), job.descriptors)

    def _hear(self, worker: _Worker) -> None:
        if worker not in self._workers:
            return
        try:
            if worker.state == "starting":
                hello, descriptors = wire.receive(worker.connection, Hello)
                wire.close_all(descriptors)
                worker.state = "idle"
                self._note(hello)
            else:
                self._hear_answer(worker)
        except BlockingIOError:
            return
        except EOFError:
            self._lost(worker, "")
        except (WireError, OSError) as error:
            self._lost(worker, str(error))

    def _hear_answer(self, worker: _Worker) -> None:
        answer, descriptors = wire.receive(worker.connection, Answer)
        try:
            if worker.job is None:
                raise WireError("worker spoke without a task")
            if answer.turn != worker.turn:
                raise WireError("worker spoke out of turn")
            wire.check(worker.job.request.task, answer, descriptors)
            self._done(worker, worker.job, answer, descriptors)
        finally:
            wire.close_all(descriptors)

    def _done(self, worker: _Worker, job: Job, answer: Answer, descriptors: list[int]) -> None:
        # Its place is taken and its priority cannot be raised again.
        was_slow = worker.state == "slow"
        worker.state, worker.job = "idle", None
        self._poison.absolve(job.request.sha256)
        if was_slow or answer.leaving or worker.mails >= self._settings.recycle:
            self._remove(worker)
        self._finish(job, answer, descriptors)

    def _lost(self, worker: _Worker, fault: str) -> None:
        job, worker.job = worker.job, None
        self._remove(worker)
        # A process on its way out keeps its own status whatever signal comes, and takes no time to wait for.
        self._leaving.discard(worker.pid)
        detail = fault or _cause(os.waitpid(worker.pid, 0)[1])
        self._events.warning(
            "inspection-worker-lost", pid=worker.pid, detail=detail, sha256=job.request.sha256 if job else None
        )
        if job is None:
            # Died while it started, or idle: nobody's fault, and no reason for a storm of forks.
            self._not_before = self._clock() + _START_PAUSE
            return
        self._lost_workers += 1
        self._poison.blame(job.request.sha256)
        if self._poison.knows(job.request.sha256):
            self._finish(job, Answer("poison", detail))
        else:
            self._queue.appendleft(job)

    def _kill_overdue(self, worker: _Worker) -> None:
        job, worker.job = worker.job, None
        self._remove(worker)
        self._events.warning("inspection-deadline", pid=worker.pid, sha256=job.request.sha256 if job else None)
        if job is not None:
            self._lost_workers += 1
            self._poison.blame(job.request.sha256)
            self._finish(job, Answer("timeout"))

    def _remove(self, worker: _Worker) -> None:
        self._workers.discard(worker)
        self._selector.unregister(worker.connection)
        worker.connection.close()
        os.kill(worker.pid, signal.SIGKILL)
        self._leaving.add(worker.pid)

    def _reap(self) -> None:
        self._leaving = {pid for pid in self._leaving if os.waitpid(pid, os.WNOHANG)[0] == 0}

    def _finish(self, job: Job, answer: Answer, descriptors: Sequence[int] = ()) -> None:
        self._outcomes[answer.failure or "done"] += 1
        wire.close_all(job.descriptors)
        job.reply(answer, descriptors)

    def _note(self, hello: Hello) -> None:
        if hello == self._hello:
            return
        self._hello = hello
        self._events.info("inspection-sandbox", active=",".join(hello.active))
        for name, reason in hello.missing:
            self._events.warning("inspection-unprotected", missing=name, detail=reason)


def _nobody(answer: Answer, descriptors: Sequence[int]) -> None:
    """The reply of a job whose client went away."""


def _cause(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"worker exited with status {code}" if code >= 0 else f"worker died of {signal.Signals(-code).name}"
