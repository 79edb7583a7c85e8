"""Which files are images: pictures made by Pillow in each format, and all that pretends to be one."""

import io
import random
import struct
import zlib

import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringback.domain.problems import Problem
from ringback.media.images import read_image

FORMATS = {
    "JPEG": ("image/jpeg", "jpg"),
    "PNG": ("image/png", "png"),
    "WEBP": ("image/webp", "webp"),
    "GIF": ("image/gif", "gif"),
}


def noise(mode: str = "RGB", size: tuple[int, int] = (64, 48), seed: int = 1) -> PIL.Image.Image:
    """A picture that compresses badly, so that cutting a file always cuts into its pixels."""
    count = size[0] * size[1] * len(mode)
    return PIL.Image.frombytes(mode, size, random.Random(seed).randbytes(count))  # noqa: S311 -- no secret


def picture(form: str, mode: str = "RGB", **options: object) -> bytes:
    file = io.BytesIO()
    noise(mode).save(file, form, **options)
    return file.getvalue()


def animated(form: str) -> bytes:
    return picture(form, save_all=True, append_images=[noise(seed=2), noise(seed=3)])


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of(width: int, height: int) -> bytes:
    """A PNG that claims a size; its few bytes of pixels do not get that far."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


EXIF = PIL.Image.Exif()
EXIF[0x010F] = "a phone"


@pytest.mark.parametrize(
    ("data", "form"),
    [
        pytest.param(picture("JPEG"), "JPEG", id="JPEG"),
        pytest.param(picture("JPEG", progressive=True), "JPEG", id="progressive JPEG"),
        pytest.param(picture("JPEG", mode="L"), "JPEG", id="grey JPEG"),
        pytest.param(picture("JPEG", mode="CMYK"), "JPEG", id="CMYK JPEG"),
        pytest.param(picture("JPEG", exif=EXIF), "JPEG", id="JPEG with metadata"),
        pytest.param(animated("MPO"), "JPEG", id="a phone's JPEG with more behind it"),
        pytest.param(picture("PNG"), "PNG", id="PNG"),
        pytest.param(picture("PNG", mode="RGBA"), "PNG", id="PNG with transparency"),
        pytest.param(animated("PNG"), "PNG", id="animated PNG"),
        pytest.param(picture("WEBP"), "WEBP", id="WebP"),
        pytest.param(picture("WEBP", lossless=True), "WEBP", id="lossless WebP"),
        pytest.param(animated("WEBP"), "WEBP", id="animated WebP"),
        pytest.param(picture("GIF", mode="L"), "GIF", id="GIF"),
        pytest.param(animated("GIF"), "GIF", id="animated GIF"),
        pytest.param(picture("JPEG") + b"PK\x03\x04<script>", "JPEG", id="JPEG with something behind it"),
        pytest.param(picture("PNG") + b"<html>", "PNG", id="PNG with something behind it"),
        pytest.param(picture("GIF", mode="L") + b"<html>", "GIF", id="GIF with something behind it"),
    ],
)
def test_images(data: bytes, form: str) -> None:
    image = read_image(data)
    assert (image.mime, image.extension) == FORMATS[form]
    assert (image.width, image.height) == (64, 48)
    assert image.data is data


HTML = b"<!doctype html><script>alert(1)</script>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(b"", "not_an_image", id="empty"),
        pytest.param(b"hello", "not_an_image", id="text"),
        pytest.param(HTML, "not_an_image", id="HTML"),
        pytest.param(SVG, "not_an_image", id="SVG"),
        pytest.param(HTML + picture("PNG"), "not_an_image", id="HTML before an image"),
        pytest.param(b"GIF89a" + HTML, "not_an_image", id="HTML behind a magic number"),
        pytest.param(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 1 1\n", "not_an_image", id="EPS"),
        pytest.param(picture("BMP"), "not_an_image", id="BMP"),
        pytest.param(picture("TIFF"), "not_an_image", id="TIFF"),
        pytest.param(picture("ICO"), "not_an_image", id="ICO"),
        pytest.param(picture("PDF"), "not_an_image", id="PDF"),
        pytest.param(picture("JPEG")[:3], "not_an_image", id="JPEG, three bytes"),
        pytest.param(picture("JPEG")[:-500], "not_an_image", id="JPEG, cut"),
        pytest.param(picture("PNG")[:30], "not_an_image", id="PNG, header only"),
        pytest.param(picture("PNG")[:-500], "not_an_image", id="PNG, cut"),
        pytest.param(picture("WEBP")[:-500], "not_an_image", id="WebP, cut"),
        pytest.param(picture("GIF", mode="L")[:-500], "not_an_image", id="GIF, cut"),
        pytest.param(png_of(0, 5), "not_an_image", id="no width"),
        pytest.param(png_of(7_000, 7_000), "not_an_image", id="fewer pixels than it says"),
        pytest.param(png_of(8_000, 8_000), "too_large", id="too many pixels"),
        pytest.param(png_of(10_000, 10_000), "too_large", id="so many that Pillow warns"),
        pytest.param(png_of(50_000, 50_000), "too_large", id="so many that Pillow refuses"),
        pytest.param(bytes(16 * 1024 * 1024 + 1), "too_large", id="too many bytes"),
        pytest.param(bytes(16 * 1024 * 1024), "not_an_image", id="the most bytes, of nothing"),
    ],
)
def test_refused(data: bytes, code: str) -> None:
    with pytest.raises(Problem) as caught:
        read_image(data)
    assert caught.value.code == code


@pytest.mark.parametrize("form", FORMATS)
def test_limits_are_inclusive(form: str) -> None:
    data = picture(form)
    assert read_image(data, max_bytes=len(data), max_pixels=64 * 48).width == 64
    with pytest.raises(Problem, match="bytes"):
        read_image(data, max_bytes=len(data) - 1)
    with pytest.raises(Problem, match="64 x 48 pixels"):
        read_image(data, max_pixels=64 * 48 - 1)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(FORMATS)), st.integers(0, 2**32), st.binary(max_size=8), st.booleans())
@pytest.mark.filterwarnings(
    "ignore"
)  # what Pillow warns of in damaged files is not ours; outside pytest it passes
def test_damaged_files_are_a_problem_or_an_image(form: str, place: int, junk: bytes, cut: bool) -> None:
    data = bytearray(picture(form))
    start = place % len(data)
    data[start : None if cut else start + len(junk)] = junk
    try:
        image = read_image(bytes(data))
    except Problem as problem:
        assert problem.code in {"not_an_image", "too_large"}  # noqa: PT017 -- either end is fine
    else:
        assert image.data == data


@given(st.binary())
def test_junk_is_not_an_image(data: bytes) -> None:
    with pytest.raises(Problem):
        read_image(data)
