"""Pictures that a simulated phone receives: a file, bytes, or one made on the spot."""

from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw

DEMO = Path("demo")  # this name, where there is no such file, stands for a picture made here


def read_picture(picture: Path | bytes) -> tuple[str, bytes]:
    """(name, content); ValueError with what to do where there is no such file."""
    if isinstance(picture, bytes):
        return "picture", picture
    if picture == DEMO and not picture.exists():
        return "demo.jpg", demo_picture()
    try:
        return picture.name, picture.read_bytes()
    except OSError as exc:
        raise ValueError(
            f"cannot read the picture {str(picture)!r}: {exc.strerror}. Name a jpeg, png, webp or gif, "
            f"or {str(DEMO)!r} for a ready-made one"
        ) from exc


def demo_picture() -> bytes:
    """A small jpeg of hills under a sun."""
    image = Image.new("RGB", (640, 400), "#bfe3f5")
    draw = ImageDraw.Draw(image)
    draw.ellipse((460, 50, 560, 150), fill="#ffd65c")
    draw.ellipse((-120, 230, 420, 640), fill="#6fae5a")
    draw.ellipse((240, 270, 800, 700), fill="#4c8f4a")
    draw.text((20, 20), "Ringback", fill="#1d4a63", font_size=36)
    out = BytesIO()
    image.save(out, "JPEG", quality=85)
    return out.getvalue()
