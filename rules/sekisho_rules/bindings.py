"""Bindings of observations to a pattern: which distinct observations fulfil its observation expressions together.

Qualifiers and FOLLOWEDBY say which observations may be bound where. For WITHIN the search tries each window that
begins at the end of an observation, for FOLLOWEDBY each moment that may lie between both sides; what is left then are
demands, each for a number of observations from a set, and whether distinct observations can meet them all at once is a
question of flow. So `[a] REPEATS 1000 TIMES` and an AND of many observations cost no combinations.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from sekisho_rules.budget import Budget
from sekisho_rules.typed_tree import Bracket, During, Joined, ObservationExpression, Within

# A set of observations: bit n stands for the n-th.
Mask = int
# How many observations must be bound from each set.
Demands = dict[Mask, int]


class Span(NamedTuple):
    """When something was observed (nanoseconds since 1970, both ends included) and how often."""

    first: int
    last: int
    number: int


class _Places(NamedTuple):
    """Any `needed` observations of a set."""

    mask: Mask
    needed: int


class _All(NamedTuple):
    operands: tuple[_Plan, ...]


class _Any(NamedTuple):
    operands: tuple[_Plan, ...]


class _Ordered(NamedTuple):
    operands: tuple[_Plan, ...]


class _Times(NamedTuple):
    operand: _Plan
    times: int


class _Close(NamedTuple):
    operand: _Plan
    duration: int


_Plan = _Places | _All | _Any | _Ordered | _Times | _Close


class Binder:
    """Finds a binding of observations, given when each was observed. `fulfilling` names for a bracket of the pattern
    the set of observations that fulfil it. Raises UnsupportedError when the budget is spent."""

    def __init__(self, spans: Sequence[Span], fulfilling: Callable[[Bracket], Mask], budget: Budget) -> None:
        self._spans = spans
        self._fulfilling = fulfilling
        self._budget = budget
        self._begun = _rising((span.first, number) for number, span in enumerate(spans))
        self._ended = _rising((-span.last, number) for number, span in enumerate(spans))
        self._most = max((span.number for span in spans), default=0)

    def bound(self, tree: ObservationExpression) -> list[int]:
        """The observations of the first binding found, in the order given; [] when there is none."""
        everything = (1 << len(self._spans)) - 1
        for demands in self._ways(self._plan(tree, everything), everything):
            found = self._flow(demands)
            if found is not None:
                return found
        return []

    def _plan(self, tree: ObservationExpression, allowed: Mask) -> _Plan:
        if isinstance(tree, Bracket):
            return _Places(self._fulfilling(tree) & allowed, 1)
        if isinstance(tree, During):
            return self._plan(tree.operand, allowed & self._during(tree.start.nanoseconds, tree.stop.nanoseconds))
        if isinstance(tree, Joined):
            operands = tuple(self._plan(operand, allowed) for operand in tree.operands)
            if tree.operator == "or":
                return _either(operands)
            return _All(operands) if tree.operator == "and" else _Ordered(operands)
        operand = self._plan(tree.operand, allowed)
        if isinstance(tree, Within):
            return operand if isinstance(operand, _Places) and operand.needed == 1 else _Close(operand, tree.duration)
        if isinstance(operand, _Places):
            return _Places(operand.mask, operand.needed * tree.times)
        return _Times(operand, tree.times)

    def _ways(self, plan: _Plan, allowed: Mask) -> Iterator[Demands]:
        """The demands by which a plan is met with the allowed observations; never such as cannot be met alone."""
        if self._flow(_least(plan, allowed)) is None:
            return
        if isinstance(plan, _Places):
            yield {plan.mask & allowed: plan.needed}
        elif isinstance(plan, _All):
            yield from self._together(sorted(((one, allowed) for one in plan.operands), key=_is_composite), {})
        elif isinstance(plan, _Any):
            for operand in plan.operands:
                yield from self._ways(operand, allowed)
        elif isinstance(plan, _Ordered):
            yield from self._ordered(plan.operands, allowed)
        elif isinstance(plan, _Times):
            alternatives = self._distinct(self._ways(plan.operand, allowed))
            yield from self._repeated(alternatives, plan.times, {})
        else:
            for window in self._windows(_mask(plan.operand) & allowed, plan.duration):
                yield from self._ways(plan.operand, window)

    def _together(self, parts: Sequence[tuple[_Plan, Mask]], demands: Demands) -> Iterator[Demands]:
        """All parts beside `demands`; those that leave no choice come first and at once."""
        at = 0
        while at < len(parts) and isinstance(plan := parts[at][0], _Places):
            demands = _sum(demands, {plan.mask & parts[at][1]: plan.needed})
            at += 1
        if self._flow(demands) is None:
            return
        if at == len(parts):
            yield demands
            return
        for way in self._ways(*parts[at]):
            yield from self._together(parts[at + 1 :], _sum(demands, way))

    def _ordered(self, operands: Sequence[_Plan], allowed: Mask) -> Iterator[Demands]:
        """FOLLOWEDBY: between each operand and the next lies a moment, at or after which the later may stand and at or
        before which the earlier may; it is the beginning of one of the earlier."""
        deadlines = self._deadlines([_mask(operand) & allowed for operand in operands])
        if deadlines:
            yield from self._in_order(operands, deadlines, allowed, None, {})

    def _deadlines(self, masks: Sequence[Mask]) -> list[int]:
        """For each operand the last moment at which it may stand and those after it still follow; [] for none."""
        found: list[int] = []
        for mask in reversed(masks):
            until = self._between(None, found[-1]) if found else mask
            lasts = [self._spans[one].last for one in _members(mask & until)]
            self._budget.spend(len(lasts))
            if not lasts:
                return []
            found.append(min([max(lasts), *found[-1:]]))
        return found[::-1]

    def _in_order(
        self, operands: Sequence[_Plan], deadlines: Sequence[int], allowed: Mask, after: int | None, demands: Demands
    ) -> Iterator[Demands]:
        here = allowed & self._between(after, None)
        if len(operands) == 1:
            yield from self._together([(operands[0], here)], demands)
            return
        for moment in self._moments(_mask(operands[0]) & here, after, deadlines[1]):
            for together in self._together([(operands[0], here & self._between(None, moment))], demands):
                yield from self._in_order(operands[1:], deadlines[1:], allowed, moment, together)

    def _moments(self, mask: Mask, after: int | None, deadline: int) -> list[int]:
        """The moments, rising, at which one more observation has begun."""
        begun = [self._spans[one].first for one in _members(mask)]
        self._budget.spend(len(begun))
        rising = {first if after is None else max(first, after) for first in begun}
        return sorted(moment for moment in rising if moment <= deadline)

    def _repeated(self, alternatives: Sequence[Demands], times: int, demands: Demands) -> Iterator[Demands]:
        """`times` ways out of the alternatives, each as often as it can be."""
        if not alternatives:
            return
        least = times if len(alternatives) == 1 else 0
        for count in range(min(times, self._capacity()), least - 1, -1):
            together = _sum(demands, {mask: number * count for mask, number in alternatives[0].items()})
            if self._flow(together) is None:
                continue
            if count == times:
                yield together
            else:
                yield from self._repeated(alternatives[1:], times - count, together)

    def _distinct(self, ways: Iterator[Demands]) -> list[Demands]:
        return [dict(items) for items in dict.fromkeys(tuple(sorted(way.items())) for way in ways)]

    def _windows(self, mask: Mask, duration: int) -> list[Mask]:
        """The largest sets of observations that may stand within `duration` of one another: those that reach into a
        window which begins where one of them ends."""
        found: list[Mask] = []
        for begin in sorted({self._spans[one].last for one in _members(mask)}):
            window = self._between(begin, begin + duration) & mask
            if found and window & found[-1] == found[-1]:
                found[-1] = window
            elif not found or window & ~found[-1]:
                found.append(window)
        return found

    def _between(self, after: int | None, before: int | None) -> Mask:
        """The observations that may stand at or after one moment and at or before another."""
        self._budget.spend()
        ended = self._ended.everything if after is None else self._ended.until(-after)
        return ended if before is None else ended & self._begun.until(before)

    def _during(self, start: int, stop: int) -> Mask:
        if start >= stop:
            return 0
        return self._between(start, stop - 1)

    def _capacity(self, mask: Mask = -1) -> int:
        return sum(self._spans[one].number for one in _members(mask & ((1 << len(self._spans)) - 1)))

    def _flow(self, demands: Demands) -> list[int] | None:
        """The observations that meet all demands at once, each used at most as often as it was observed; None where
        they do not suffice. By augmenting paths (Ford and Fulkerson)."""
        self._budget.spend(1 + len(demands))
        if any(count > mask.bit_count() * self._most for mask, count in demands.items()):
            return None
        return _Flow(self._spans, demands, self._budget).solved()


class _Rising(NamedTuple):
    """Observations in the order of a moment, with the set of those up to each."""

    moments: list[int]
    masks: list[Mask]

    @property
    def everything(self) -> Mask:
        return self.masks[-1]

    def until(self, moment: int) -> Mask:
        return self.masks[bisect_right(self.moments, moment)]


class _Flow:
    def __init__(self, spans: Sequence[Span], demands: Demands, budget: Budget) -> None:
        self._budget = budget
        self._masks = list(demands)
        self._wanted = list(demands.values())
        self._spans = spans
        self._taken: dict[int, int] = {}
        self._spare = (1 << len(spans)) - 1
        self._used: list[dict[int, int]] = [{} for _ in self._masks]

    def solved(self) -> list[int] | None:
        for demand in range(len(self._masks)):
            while self._wanted[demand]:
                if not self._augmented(demand):
                    return None
        return sorted({place for used in self._used for place in used})

    def _augmented(self, demand: int) -> bool:
        """Serve a demand from a place with room, moving others out of full places where that is needed."""
        reached: dict[int, tuple[int, int] | None] = {demand: None}
        queue, seen = [demand], 0
        for current in queue:
            self._budget.spend()
            free = self._masks[current] & self._spare
            if free:
                self._shift(current, _lowest(free), reached)
                return True
            for place in _members(self._masks[current] & ~seen):
                self._budget.spend()
                for other, used in enumerate(self._used):
                    if place in used and other not in reached:
                        reached[other] = (current, place)
                        queue.append(other)
            seen |= self._masks[current]
        return False

    def _shift(self, last: int, room: int, reached: dict[int, tuple[int, int] | None]) -> None:
        path, current = [(last, room)], last
        while (step := reached[current]) is not None:
            path.append(step)
            current = step[0]
        amount = min(self._wanted[current], self._spans[room].number - self._taken.get(room, 0))
        for (mover, _), (_, place) in pairwise(path):
            amount = min(amount, self._used[mover][place])
        for (mover, to), (_, place) in pairwise(path):
            self._move(mover, to, amount)
            self._move(mover, place, -amount)
        self._move(current, path[-1][1], amount)
        self._wanted[current] -= amount
        self._taken[room] = self._taken.get(room, 0) + amount
        if self._taken[room] == self._spans[room].number:
            self._spare &= ~(1 << room)

    def _move(self, demand: int, place: int, amount: int) -> None:
        used = self._used[demand]
        used[place] = used.get(place, 0) + amount
        if not used[place]:
            del used[place]


def _rising(observed: Iterable[tuple[int, int]]) -> _Rising:
    rising, masks = sorted(observed), [0]
    for _, number in rising:
        masks.append(masks[-1] | 1 << number)
    return _Rising([moment for moment, _ in rising], masks)


def _either(operands: tuple[_Plan, ...]) -> _Plan:
    """OR: operands of one observation each are one set."""
    single = [one for one in operands if isinstance(one, _Places) and one.needed == 1]
    others = [one for one in operands if not (isinstance(one, _Places) and one.needed == 1)]
    merged = [_Places(_union(one.mask for one in single), 1)] if single else []
    plans = (*merged, *others)
    return plans[0] if len(plans) == 1 else _Any(plans)


def _mask(plan: _Plan) -> Mask:
    if isinstance(plan, _Places):
        return plan.mask
    if isinstance(plan, _Times | _Close):
        return _mask(plan.operand)
    return _union(map(_mask, plan.operands))


def _least(plan: _Plan, allowed: Mask) -> Demands:
    """What a plan demands at the least, whatever its windows and moments are."""
    if isinstance(plan, _Places):
        return {plan.mask & allowed: plan.needed}
    if isinstance(plan, _Close):
        return _least(plan.operand, allowed)
    if isinstance(plan, _Times):
        return {mask: count * plan.times for mask, count in _least(plan.operand, allowed).items()}
    demands: Demands = {}
    if not isinstance(plan, _Any):
        for operand in plan.operands:
            demands = _sum(demands, _least(operand, allowed))
    return demands


def _is_composite(part: tuple[_Plan, Mask]) -> bool:
    return not isinstance(part[0], _Places)


def _sum(one: Demands, other: Demands) -> Demands:
    return one | {mask: count + one.get(mask, 0) for mask, count in other.items()}


def _union(masks: Iterable[Mask]) -> Mask:
    union = 0
    for mask in masks:
        union |= mask
    return union


def _lowest(mask: Mask) -> int:
    return (mask & -mask).bit_length() - 1


def _members(mask: Mask) -> Iterator[int]:
    while mask:
        yield _lowest(mask)
        mask &= mask - 1
