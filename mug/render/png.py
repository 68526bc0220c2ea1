"""PNG files of drawings."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

from markupsafe import Markup

from mug.render.html import fragment

if TYPE_CHECKING:
    from pathlib import Path

    import PIL.Image
    import PIL.PngImagePlugin


SOFTWARE = "mug-diffusion"
"""Maker that pictures name in their text `Software`."""


def png_bytes(image: PIL.Image.Image, *, colours: int, signed: bool = False) -> bytes:
    """A picture as PNG of few colours: drawings lose nothing and become small.

    Args:
        image: the picture.
        colours: at most.
        signed: name the maker, for a file of its own (`is_own_png`).
    """
    buffer = io.BytesIO()
    said = signature() if signed else None
    image.quantize(colours).save(buffer, format="PNG", optimize=True, pnginfo=said)
    return buffer.getvalue()


def signature() -> PIL.PngImagePlugin.PngInfo:
    """Texts of a PNG file that name its maker."""
    from PIL.PngImagePlugin import PngInfo

    said = PngInfo()
    said.add_text("Software", SOFTWARE)
    return said


def is_own_png(path: Path) -> bool:
    """Tell a picture that names its maker so.

    Raises:
        OSError: for a file that is no PNG.
    """
    from PIL import Image

    with Image.open(path, formats=["PNG"]) as picture:
        return picture.info.get("Software") == SOFTWARE


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
