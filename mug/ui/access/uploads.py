"""Uploads that leave nothing behind when they do not come to their end.

Gradio writes an upload under a temporary name and renames it. It removes that file where the
upload is malformed, but not where the disk is full or the visitor hangs up.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from gradio import route_utils
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException

NO_ROOM = 507


class WholeUploads(route_utils.GradioMultiPartParser):
    """Reader of uploads that removes what it has written of one that fails."""

    async def parse(self) -> FormData:
        """Return the form, its files whole.

        Raises:
            HTTPException: with a sentence, where the system refuses to write a file.
        """
        try:
            return await super().parse()
        except BaseException as error:
            for file in self._files_to_close_on_error:
                with suppress(OSError):  # what could not be written is written once more
                    file.close()
                with suppress(OSError):
                    Path(file.name).unlink(missing_ok=True)
            if isinstance(error, OSError):
                said = f"the server cannot keep this file: {error.strerror}"
                raise HTTPException(NO_ROOM, said) from error
            raise


def install() -> None:
    """Have Gradio read uploads so, in this process from now on."""
    route_utils.GradioMultiPartParser = WholeUploads  # type: ignore[misc]
