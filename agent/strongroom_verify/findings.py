"""What was found wrong, what was proven, and what was not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


class Wrong(Exception):
    """Something is not as it must be: a stable word, where, and what was expected and found."""

    def __init__(self, code: str, where: str, message: str) -> None:
        super().__init__(code, where, message)
        self.code, self.where, self.message = code, where, message


@dataclass
class Report:
    """What was found wrong, what was proven, and what was not."""

    findings: list[Wrong] = field(default_factory=list)
    proven: list[str] = field(default_factory=list)
    unproven: list[str] = field(default_factory=list)
    scope: str = ""  # what was looked at, where that is not the whole of what lies there
    vouched: bool = False  # a key that was given has signed a checkpoint that holds

    def check(self, where: str, work: Callable[[], str | None]) -> bool:
        """Do one check; keep what it proves, or why it fails."""
        try:
            self.proven += [words] if (words := work()) else []
            return True
        except Wrong as wrong:
            self.findings.append(wrong)
        except OSError as error:
            self.findings.append(Wrong("missing", where, f"expected a file that can be read: {error.strerror}"))
        except (LookupError, TypeError, ValueError, AttributeError, RecursionError):
            self.findings.append(Wrong("form", where, "it cannot be read: it does not have the expected form"))
        return False
