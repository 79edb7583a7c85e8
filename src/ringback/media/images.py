"""Takes a file for an image, or refuses it: type, size and soundness are found in the bytes themselves."""

import io
from dataclasses import dataclass

import PIL.Image

from ringback.domain.problems import Problem

MAX_BYTES = 16 * 1024 * 1024
MAX_PIXELS = 50_000_000

# Pillow's formats → MIME type, extension. MPO is what many phones write: a JPEG with further JPEGs behind it.
_FORMATS = {
    "JPEG": ("image/jpeg", "jpg"),
    "MPO": ("image/jpeg", "jpg"),
    "PNG": ("image/png", "png"),
    "WEBP": ("image/webp", "webp"),
    "GIF": ("image/gif", "gif"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A sound image. ``data`` are the bytes as they came; width and height are pixels, as stored."""

    data: bytes
    mime: str
    extension: str
    width: int
    height: int


def read_image(data: bytes, *, max_bytes: int = MAX_BYTES, max_pixels: int = MAX_PIXELS) -> Image:
    """The image in ``data``: a JPEG, PNG, WebP or GIF whose (first) picture can be decoded to its end.

    The bytes are kept unchanged: metadata such as EXIF (and the place it may name) stays, frames after the
    first are not looked at, and what follows the image is tolerated. Whoever serves the file must therefore
    serve it as ``mime`` and with ``nosniff``.

    Blocking, up to some seconds for the largest pictures: not for the event loop.
    Raises Problem("too_large") for too many bytes or pixels, Problem("not_an_image") for everything else.
    """
    if len(data) > max_bytes:
        raise Problem("too_large", f"The file has {len(data)} bytes, at most {max_bytes} are taken")
    try:
        form, width, height = _decode(data, max_pixels)
    except Problem:
        raise
    except (PIL.Image.DecompressionBombError, PIL.Image.DecompressionBombWarning) as exc:
        raise Problem("too_large", f"The picture has more than {max_pixels} pixels") from exc
    except Exception as exc:
        # On hostile bytes decoders raise whatever their parsing trips over, not only OSError.
        raise Problem(
            "not_an_image", "The file is not a JPEG, PNG, WebP or GIF image, or it is damaged"
        ) from exc
    mime, extension = _FORMATS[form]
    return Image(data=data, mime=mime, extension=extension, width=width, height=height)


def _decode(data: bytes, max_pixels: int) -> tuple[str, int, int]:
    # The limit to formats matters: Pillow reads some sixty, and for some of them starts other programs.
    with PIL.Image.open(io.BytesIO(data), formats=["JPEG", "PNG", "WEBP", "GIF"]) as picture:
        width, height = picture.size
        if width * height > max_pixels:  # only the header has been read so far
            raise Problem(
                "too_large",
                f"The picture has {width} x {height} pixels, at most {max_pixels} pixels are taken",
            )
        # Lets a JPEG be decoded at an eighth of its size, in less memory: all of its bytes are still read.
        picture.draft("L", (1, 1))
        picture.load()
        return str(picture.format), width, height
