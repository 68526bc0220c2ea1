"""PNG files of drawings."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import PIL.Image


def png_bytes(image: PIL.Image.Image, *, colours: int) -> bytes:
    """A picture as PNG of few colours: drawings lose nothing and become small."""
    buffer = io.BytesIO()
    image.quantize(colours).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()
