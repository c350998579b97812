"""Every error that streamsim raises on purpose.

::

    StreamsimError
    ├── UsageError               a wrong argument or option                exit code 2
    │   ├── UnknownDomain        no such domain
    │   ├── SettingError         a setting's value does not fit
    │   └── SourceError          a file cannot be read as a source
    ├── ExpectationError         the run did not end as expected           exit code 1
    ├── StackError               the stack could not start, or died        exit code 3
    │   ├── BrokerError          the broker is unreachable, or refuses a request
    │   ├── TopicMismatch        a topic exists, but not as declared
    │   └── StateError           a changelog that cannot be read as this domain's state
    │       └── PackingError     bytes are not packed columns
    ├── ForeignRecordError       a record in a topic of ours is none of our programs'
    ├── ModelError               a model is missing, unsafe or does not fit
    ├── AnswerError              a third party's answer is malformed
    └── InferenceError           a call to a model failed
        ├── BadRequest           the call was wrong: 400, 404, 413         never retried
        └── ScorerUnavailable    the service is down, slow or malformed    retried

A bad *record* raises no exception: it becomes a dead letter with its reason
(:class:`streamsim.streams.events.Dead`), because one bad record must not stop a stream.
"""

from __future__ import annotations


class StreamsimError(Exception):
    """Base of all errors that are raised on purpose; its message is for users."""

    exit_code = 3


class UsageError(StreamsimError):
    """The caller asked for something that does not exist or does not fit."""

    exit_code = 2


class UnknownDomain(UsageError):
    """No domain of that name has been discovered."""


class SettingError(UsageError):
    """A setting's value does not fit its type or its bounds."""


class SourceError(UsageError):
    """A file cannot be read, or its columns are not those of a known source."""


class ExpectationError(StreamsimError):
    """The run ended, but not as expected (unaccounted events, a quality below its bar)."""

    exit_code = 1


class StackError(StreamsimError):
    """The stack could not start, or a part of it died."""


class BrokerError(StackError):
    """The broker cannot be reached, or refused a request."""


class TopicMismatch(StackError):
    """A topic differs from its declaration in partitions, or is not empty when a run begins."""


class StateError(StackError):
    """A changelog holds no state of this domain, or the state of another definition of it."""


class PackingError(StateError):
    """Bytes are not packed columns."""


class ForeignRecordError(StreamsimError):
    """A record in a topic of ours is none that our programs write; its readers skip it."""


class ModelError(StreamsimError):
    """A model is missing, its file is not safe to load, or it does not fit its domain."""


class AnswerError(StreamsimError):
    """A third party's answer cannot be used: malformed, too large, or too many pages."""


class InferenceError(StreamsimError):
    """A call to a model failed."""


class BadRequest(InferenceError):
    """The request itself was wrong: a retry cannot help.

    Parameters
    ----------
    message
        What was wrong, for the caller.
    status
        The HTTP status that says so: 400, 401, 403, 404, 409, 411, 413, 415, 501 or
        503.
    """

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class ScorerUnavailable(InferenceError):
    """The model service did not answer, or answered wrongly; the call is retried."""


class VersionFails(ScorerUnavailable):
    """A version of a model fails to score good rows, while the service runs.

    The call is retried. If there is another version that may answer in its place, that does.
    """
