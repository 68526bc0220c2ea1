"""PNG files of drawings."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

from markupsafe import Markup

from mug.render.html import fragment

if TYPE_CHECKING:
    import PIL.Image


def png_bytes(image: PIL.Image.Image, *, colours: int) -> bytes:
    """A picture as PNG of few colours: drawings lose nothing and become small."""
    buffer = io.BytesIO()
    image.quantize(colours).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def picture_html(image: PIL.Image.Image, alt: str, *, colours: int) -> Markup:
    """Return a picture as an image element that holds its own data.

    Args:
        image: the picture.
        alt: for those who cannot see it.
        colours: number of colours of the PNG.
    """
    data = base64.b64encode(png_bytes(image, colours=colours)).decode()
    return fragment(
        "mug.render/picture.html",
        "picture",
        data=data,
        width=image.width,
        height=image.height,
        alt=alt,
    )
