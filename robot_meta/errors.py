"""What can go wrong, in kinds that a caller can act on.

Every message says what was wrong, what came and what would do.
"""


class RobotMetaError(Exception):
    """Base of all errors that this project raises on purpose."""


class ObservationError(RobotMetaError):
    """An observation cannot be acted on: missing, mis-sized, mis-typed, not finite. Hold still."""


class DemoFormatError(RobotMetaError):
    """A demonstration cannot be learned from: another format, robot, camera size or kind."""


class CheckpointError(RobotMetaError):
    """A checkpoint is foreign, damaged, of another format, or its shapes do not fit the config."""


class ContractError(RobotMetaError):
    """A robot's contract is wrong, or data was recorded under another contract."""


class ConfigError(RobotMetaError, ValueError):
    """A setting is out of its range or does not fit the others. Raised at start, not midway."""


class DataError(RobotMetaError):
    """A data set, a results file or a log is missing, damaged or does not match its schema."""


class EpisodeError(RobotMetaError):
    """An episode cannot be written, read, recovered or found."""


class SessionError(RobotMetaError):
    """A session cannot do what was asked as it stands: frozen, nothing to undo, diverged."""
