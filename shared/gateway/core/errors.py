"""Everything that can go wrong, named for what the caller can do about it.

* AppError
  - Refused                cannot succeed as sent; do not retry
    . Unauthenticated      no credential, or one that is unknown, expired or revoked
    . NotFound             also for what belongs to another practice
    . Invalid              names the field, never its value
    . FilterTooWide        nothing bounds it; names what would
    . UseNormalized        a raw write that has a checked one; names it
    . KeyReused            same Idempotency-Key, another body
    . NotAllowed           scope, permission, BAA, closed operation, practice not enrolled, no group
    . Conflict             the practice's data or version do not allow this now
    . UpstreamRefused      Open Dental called it invalid
    . PartlyDone           a write of several steps stands in part
  - Unavailable            nothing was changed; the same request may succeed later
    . VaultUnavailable     the keys cannot be read
    . Throttled            carries `retry_after`, in seconds
    . RateLimited          a throttle of the client's own making: it asks more often than its limit
    . PracticeOffline      the office's connector does not answer
    . CallsStopped         an operator has stopped all calls of the practice
    . QueueFull            too many turns of this practice wait already
    . NotWritten           a lost write was looked for and is not there
    . AuditUnavailable     the audit entry could not be written
    . NotKept              nothing may be asked of Open Dental, and no copy will do
    . NoPracticeAnswersYet of several practices none has its mirror so far
  - UpstreamBroken         an answer that cannot be used, on a read
    . UpstreamTimedOut     no answer within the upstream's own limit
    . Unreachable          nobody answers at the address that a practice was to be connected by
  - StillRunning           not an error of the request: its wait is over, the operation goes on

Every class has a stable `code`, the word a program branches on. `detail` is for people; it names fields and
never their values, because it may be logged. `more` holds further members of the problem document.
A write whose answer was lost is no error: its operation is in state UNKNOWN until evidence settles it.
"""

from __future__ import annotations

from typing import Any, ClassVar


class AppError(Exception):
    """Base of everything the gateway says no with.

    `code`: the stable word. `retryable`: whether the same request may succeed later without a change.
    `param`: the field or query parameter at fault, by name. `upstream`: `{status, message}` of Open Dental's own
    answer, shown to the caller and never logged. `more`: further members of the problem document (alternatives,
    permission, tier, version, bounds ...).
    """

    code: ClassVar[str] = "error"
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        detail: str,
        *,
        param: str | None = None,
        upstream: dict[str, Any] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.param = param
        self.upstream = upstream
        self.more = more


class Refused(AppError):
    """Cannot succeed as sent."""

    code = "refused"


class Unauthenticated(Refused):
    """No credential, or one that is unknown, expired or revoked."""

    code = "unauthenticated"


class NotFound(Refused):
    """No such record, or none of the caller's: the two are told apart nowhere."""

    code = "not-found"


class Invalid(Refused):
    """A field or parameter that cannot be used as sent; `param` names it."""

    code = "invalid"


class FilterTooWide(Refused):
    """Nothing bounds the list, or one object that Open Dental finds only under another. `bounds` names what would."""

    code = "filter-too-wide"


class UseNormalized(Refused):
    """A raw write that a use case of ours does with its checks; `use` names its method and path."""

    code = "use-normalized"


class KeyReused(Refused):
    """The Idempotency-Key belongs to another request."""

    code = "key-reused"


class NotAllowed(Refused):
    """The caller, the key or the agreement does not allow this."""

    code = "not-allowed"


class ScopeMissing(NotAllowed):
    """The client lacks a scope; `scope` names it."""

    code = "scope-missing"


class PermissionMissing(NotAllowed):
    """The practice's Open Dental key lacks a permission; `permission` and price `tier` name what has it."""

    code = "permission-missing"


class OperationClosed(NotAllowed):
    """An operation that no scope opens."""

    code = "operation-closed"


class BaaMissing(NotAllowed):
    """No current business associate agreement is on record for the practice."""

    code = "baa-missing"


class PracticeNotEnrolled(NotAllowed):
    """The practice is not known here and the caller may not connect new ones."""

    code = "practice-not-enrolled"


class NoGroup(NotAllowed):
    """The practice is in no group with another practice of the caller's."""

    code = "no-group"


class AgreementNotCurrent(NotAllowed):
    """The agreement of the practices' group does not cover this day; `group_id` names the group."""

    code = "agreement-not-current"


class Conflict(Refused):
    """The practice's data do not allow this now."""

    code = "conflict"


class Clash(Conflict):
    """The time is taken; `alternatives` holds up to three free ones."""

    code = "clash"


class OutsideSchedule(Conflict):
    """No provider is scheduled there at that time."""

    code = "outside-schedule"


class PossibleDuplicate(Conflict):
    """Somebody alike is there already; `patient_ids` names them."""

    code = "possible-duplicate"


class VersionTooOld(Conflict):
    """The office runs an older Open Dental; `version` names the first that can do this."""

    code = "version-too-old"


class NoPracticeAnswers(Conflict):
    """None of the practices that a list goes over can answer; `practices` tells of each why."""

    code = "no-practice-answers"


class KeyNotUsable(Conflict):
    """Open Dental refuses the practice's key, or no office has added it yet; somebody at the practice must act."""

    code = "key-refused"


class UpstreamRefused(Refused):
    """Open Dental calls the request invalid; its words are in `upstream`."""

    code = "upstream-invalid"


class PartlyDone(Refused):
    """Some steps of the write stand; `done` lists them, `remaining` names the step that is left."""

    code = "partly-done"


class Unavailable(AppError):
    """Nothing was changed; the same request may succeed later. `retry_after` is in seconds."""

    code = "unavailable"
    retryable = True

    def __init__(self, detail: str, *, retry_after: float = 5.0, **more: Any) -> None:
        super().__init__(detail, **more)
        self.retry_after = retry_after


class VaultUnavailable(Unavailable):
    """The vault of keys does not answer: nobody can be called."""


class Throttled(Unavailable):
    """Too many requests: ours or Open Dental's limit; `retry_after` says when to come back."""

    code = "throttled"


class RateLimited(Throttled):
    """The client asks more often than its own limit, `requests_per_minute`; no practice and no other client is in it.

    A code of its own, because a client that meets `throttled` waits, and one that meets this should ask less.
    """

    code = "rate-limited"


class PracticeOffline(Unavailable):
    """The office's connector does not answer."""

    code = "practice-offline"


class CallsStopped(Unavailable):
    """An operator has stopped all calls of the practice; what would take one has to wait until they are allowed."""

    code = "calls-stopped"


class QueueFull(Unavailable):
    """Too many turns of this practice wait already."""

    code = "queue-full"


class NotWritten(Unavailable):
    """A write whose answer was lost was looked for and is not there."""

    code = "not-written"


class AuditUnavailable(Unavailable):
    """The audit entry could not be written, so nothing was answered or sent."""

    code = "audit-unavailable"


class NotKept(Unavailable):
    """Only a copy will do (`only-if-cached`), and there is none, or none that is young enough."""

    code = "not-cached"


class NoPracticeAnswersYet(Unavailable):
    """None of the practices that a list goes over can answer now, and some of them will; `practices` tells why."""

    code = "no-practice-answers-yet"


class UpstreamBroken(AppError):
    """Open Dental's answer cannot be used: HTML, half a document, nothing."""

    code = "upstream-broken"
    retryable = True


class UpstreamTimedOut(UpstreamBroken):
    """Open Dental did not finish within its own limit."""

    code = "upstream-timeout"


class Unreachable(UpstreamBroken):
    """No connection came about to where a practice's Open Dental was said to be."""

    code = "unreachable"


class StillRunning(AppError):
    """The wait is over; the operation goes on. Answered 202 with `Location`."""

    code = "still-running"
    retryable = True

    def __init__(self, operation_id: str, *, retry_after: float = 1.0) -> None:
        super().__init__("the operation is still running", operation_id=operation_id)
        self.operation_id = operation_id
        self.retry_after = retry_after
