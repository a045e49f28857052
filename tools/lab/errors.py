"""What goes wrong in a lab, in words for the person at the keyboard."""


class LabError(Exception):
    """A lab command could not do its work.

    `message` says what happened, `fix` how to mend it (may be empty).
    """

    def __init__(self, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.message}\n  fix: {self.fix}" if self.fix else self.message
