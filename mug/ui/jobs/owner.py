"""Owner of a job: an address, a person where the page asks for a name, and a tab."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Owner:
    """Owner of a job. What is fair goes by address and person; a client chooses its tab itself.

    Args:
        address: that the connection comes from, or that a trusted proxy names.
        tab: number that a browser's tab or a program gives itself.
        person: name of the login; empty where none is asked for.
    """

    address: str
    tab: str = ""
    person: str = ""

    @property
    def shares(self) -> tuple[str, ...]:
        """Names by which the owner shares the queue."""
        named = (f"person {self.person}",) if self.person else ()
        return (f"address {self.address}", *named)
