# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The second half of strategy ppm, on the source: both copies run in step, then the clone takes over."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from .. import typed
from ..criu.tcp_streams import TcpStream
from ..errors import CloneVoid, PeerFailed
from ..host.steps import now_ms
from ..network.mirror import MirrorEnded, SourceMirror
from ..network.mirror_state import SourceState, TargetState
from ..session import messages, states
from ..session.channel import Message
from ..session.stall import SwitchoverDeadline
from .context import SourceContext

_LEAST_ANSWERS = 20
"""So many answers must have been the same, where the process gives so many."""
_FEW_ANSWERS_FACTOR = 10
"""A process that says less is watched for so many times ``ppm_verify_ms``."""
_CATCH_UP_S = 3.0
"""How long the clone may take to get all that came while it was restored."""
_COMPARE_EVERY_S = 0.002
_TAKE_OVER_ATTEMPTS = 20
_SAID_ALL_MS = 60.0
"""How long the clone may take to say what the process said last: a timer of the clone may fire later."""
_ANSWER_S = 5.0


class Handover:
    """One clone that was restored.

    Args:
        source: the process runs, with its input in the mirror's turnstile.
    """

    def __init__(self, source: SourceContext, mirror: SourceMirror) -> None:
        self._source = source
        self._mirror = mirror
        self._ran_at_ms = 0.0
        self._held_at_ms = 0.0

    def run_in_step(self, streams: list[TcpStream], frozen_at_ms: float) -> None:
        """Let the clone run, until it has said the same as the process for a while; or until the user has it go on.

        Args:
            streams: where the connections of the process were at the dump.
            frozen_at_ms: when it was frozen for that.

        Raises:
            CloneVoid: the two have parted, or cannot be kept in step.
            Cancelled: by the user.
        """
        source = self._source
        with source.steps.step("run_clone"):
            source.control.send(
                messages.RUN_CLONE,
                streams=[typed.to_dict(stream) for stream in streams],
                since_freeze_ms=round(now_ms() - frozen_at_ms, 3),
            )
            with void_if_target_fails():
                source.control.expect(messages.CLONE_RUNS, source.plan.timeout_s)
            self._ran_at_ms = now_ms()
        with source.steps.step("in_step"):
            self._await_step()
        if source.plan.options.pause_before_switchover:
            with source.steps.step("pre_switchover"):
                self._await_continue()

    def _await_step(self) -> None:
        options = self._source.plan.options
        while True:
            state = self._compare()
            elapsed_ms = now_ms() - self._ran_at_ms
            enough_ms = options.ppm_verify_ms
            if state.answers_compared < _LEAST_ANSWERS:
                enough_ms *= _FEW_ANSWERS_FACTOR
            if state.in_step and elapsed_ms >= enough_ms:
                return
            if not state.in_step and elapsed_ms > _CATCH_UP_S * 1000 + enough_ms:
                raise CloneVoid(
                    f"The clone did not catch up with the process within {_CATCH_UP_S:.0f} s: it is "
                    f"{state.lag_ms:.0f} ms behind.",
                    "lag",
                )
            self._source.progress.check()
            time.sleep(_COMPARE_EVERY_S)  # both copies run

    def _await_continue(self) -> None:
        progress = self._source.progress
        progress.set_state(states.PRE_SWITCHOVER)
        deadline_ms = now_ms() + self._source.plan.timeout_s * 1000
        while not progress.continued:
            progress.check()
            self._compare()
            if now_ms() > deadline_ms:
                break  # nothing is gained by a longer parallel run: it is in step, and takes over
            time.sleep(_COMPARE_EVERY_S)
        progress.set_state(states.CLONED)

    def _compare(self) -> TargetState:
        """How far the clone is.

        Raises:
            CloneVoid: the two have parted, or one of the mirrors has given up.
        """
        return self._checked(self._ask())

    def _ask(self) -> TargetState:
        self._source.control.send(messages.COMPARE)
        with void_if_target_fails():
            return _state_of(self._source.control.expect(messages.COMPARED, _ANSWER_S))

    def _checked(self, state: TargetState) -> TargetState:
        here = _state_of_mirror(self._mirror)
        if here.void and not state.void:
            state = self._ask()  # the target may have given up first, and knows why
        figures = self._source.clone
        figures.parallel_ms = round(now_ms() - self._ran_at_ms, 2)
        figures.inputs, figures.answers_compared, figures.chain = state.inputs, state.answers_compared, state.chain
        figures.lag_ms, figures.turnstile_wait_ms = state.lag_ms, round(here.wait_us / 1000, 3)
        self._source.progress.update(clone=figures)
        if state.divergence is not None:
            figures.divergence = typed.to_dict(state.divergence)
            parted = state.divergence
            raise CloneVoid(
                f"The clone parted from the process: {parted.reason} ({parted.flow}, offset {parted.offset}, source "
                f"{parted.source or 'nothing'}, clone {parted.clone or 'nothing'}), after {state.inputs} inputs.",
                "diverged",
                divergence=figures.divergence,
                parallel_ms=figures.parallel_ms,
            )
        if reasons := [reason for reason in (here.void, state.void) if reason]:  # one of the mirrors has told the other
            raise CloneVoid(
                f"The clone cannot be kept in step: {'; '.join(reasons)}.", "void", parallel_ms=figures.parallel_ms
            )
        return state

    def take_over(self) -> None:
        """Stop the process for good, once the clone has got all of its input and said all that it said.

        Raises:
            CloneVoid: the two are not in step.
        """
        source = self._source
        source.progress.set_state(states.SWITCHOVER)
        source.deadline = SwitchoverDeadline(
            source.plan.options.switchover_timeout_ms, source.plan.options.switchover_timeout_ms, source.current_step
        )
        source.deadline.start()
        with source.steps.step("hand_over"):
            for _attempt in range(_TAKE_OVER_ATTEMPTS):
                if self._compare().in_step and self._try():
                    return
                source.progress.check()
        raise CloneVoid("The clone was in step, and not when it was to take over.", "lag")

    def _try(self) -> bool:
        """Whether the process was stopped in step with its clone; if not it runs on."""
        source, mirror = self._source, self._mirror
        self._held_at_ms = now_ms()
        mirror.hold()
        if not mirror.await_quiet(source.plan.options.ppm_max_wait_ms / 1000):
            mirror.open_turnstile()
            return False
        source.frozen_at_ms = now_ms()
        source.freezer.freeze()
        end = mirror.begin_handover()
        source.control.send(messages.HAND_OVER, end=typed.to_dict(end), limit_ms=_SAID_ALL_MS)
        with void_if_target_fails():
            answer = source.control.expect(messages.IN_STEP, _ANSWER_S)
        if answer.fields["is_in_step"]:
            mirror.mute()
            source.links.suppress_arp()
            return True
        self._thaw()
        mirror.open_turnstile()
        self._checked(_state_of(answer))
        return False

    def _thaw(self) -> None:
        self._source.freezer.thaw()
        self._source.frozen_at_ms = 0.0

    def give_up(self) -> None:
        """Before the commit: the process goes on at once; the rollback does the rest."""
        self._source.stop_deadline()
        self._thaw()
        mirror, self._source.mirror = self._source.mirror, None
        if mirror is not None:
            mirror.release()

    def finish(self) -> None:
        """The clone runs, and is heard."""
        figures = self._source.clone
        figures.handover_ms = round(now_ms() - self._held_at_ms, 2)
        self._source.progress.update(clone=figures)


def check_mirror(mirror: SourceMirror) -> None:
    """While nothing is compared.

    Raises:
        CloneVoid: the source's mirror has given the attempt up, or was killed, and what it held is let in.
    """
    if reason := _state_of_mirror(mirror).void:
        raise CloneVoid(f"The clone cannot be kept in step: {reason}.", "void")


def _state_of_mirror(mirror: SourceMirror) -> SourceState:
    try:
        return mirror.state()
    except MirrorEnded as error:
        mirror.let_pass()
        raise CloneVoid(str(error), "mirror_lost") from None


def _state_of(answer: Message) -> TargetState:
    return typed.from_dict(TargetState, answer.fields["state"])


@contextlib.contextmanager
def void_if_target_fails() -> Iterator[None]:
    """A target that fails with the clone in it costs the clone alone."""
    try:
        yield
    except PeerFailed as error:
        raise CloneVoid(str(error), "target_failed", **error.details) from None
