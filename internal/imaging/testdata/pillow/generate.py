"""Makes the pictures of this folder and expected.json: what Pillow 12.3.0 makes
of them (size and SHA-256 of the RGB bytes; also turned upright by EXIF).

    pip install pillow==12.3.0 numpy && python generate.py

jpeg_440, jpeg_411 and jpeg_410.jpg are libjpeg's (Pillow cannot write them) and
are only read.
"""

import hashlib
import io
import json
import pathlib
import struct
import zlib

import numpy as np
import PIL
from PIL import Image, ImageOps

HERE = pathlib.Path(__file__).parent
RNG = np.random.default_rng(1)


def picture(w, h, channels=3):
    y, x = np.mgrid[0:h, 0:w]
    waves = [127 + 100 * np.sin(x / (3 + k) + y / (5 - k)) for k in range(channels)]
    noise = 20 * RNG.standard_normal((h, w, channels))
    return Image.fromarray(np.clip(np.stack(waves, -1) + noise, 0, 255).astype(np.uint8))


def save(name, image, **options):
    image.save(HERE / name, **options)


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(name, w, depth, colour, row, *extra):
    body = chunk(b"IHDR", struct.pack(">IIBBBBB", w, 1, depth, colour, 0, 0, 0))
    body += b"".join(extra) + chunk(b"IDAT", zlib.compress(b"\0" + row)) + chunk(b"IEND", b"")
    (HERE / name).write_bytes(b"\x89PNG\r\n\x1a\n" + body)


rgb, rgba = picture(17, 13), picture(17, 13, 4)
frames = [picture(30, 20, 4) for _ in range(3)]
rest = {"save_all": True, "append_images": frames[1:]}
save("animated.webp", frames[0], **rest)
save("animated_lossless.webp", frames[0], lossless=True, **rest)
save("animated.png", frames[0], **rest)
save("animated_default.png", frames[0], default_image=True, **rest)
save("animated.gif", frames[0], **rest)
save("transparent.gif", rgb.convert("P"), transparency=3)
save("interlaced.gif", rgb.convert("L"), interlace=1)
save("alpha.webp", rgba)
save("narrow.webp", picture(1, 9))
save("alpha.bmp", rgba)
save("bilevel.bmp", rgb.convert("1"))
save("palette.bmp", rgb.convert("P"))
save("bilevel_group3.tiff", rgb.convert("1"), compression="group3")
save("bilevel_group4.tiff", rgb.convert("1"), compression="group4")
save("predictor.tiff", rgb, compression="tiff_lzw", tiffinfo={317: 2})
save("palette.tiff", rgb.convert("P"))
save("alpha.tiff", rgba)
save("grey16.tiff", Image.fromarray(RNG.integers(0, 600, (5, 7)).astype(np.uint16)))
save("jpeg_narrow.jpg", picture(3, 9), subsampling=2)
save("jpeg_restart.jpg", picture(50, 50), restart_marker_rows=1)
save("jpeg_rgb.jpg", rgb, keep_rgb=True)
save("jpeg_cmyk.jpg", rgb.convert("CMYK"))
ycck = bytearray((HERE / "jpeg_cmyk.jpg").read_bytes())
ycck[ycck.index(b"Adobe") + 11] = 2
(HERE / "jpeg_ycck.jpg").write_bytes(ycck)
early = io.BytesIO()
rgb.save(early, "JPEG")
(HERE / "jpeg_early_end.jpg").write_bytes(early.getvalue()[:-80] + b"\xff\xd9")
for orientation in range(2, 9):
    exif = Image.Exif()
    exif[274] = orientation
    save(f"upright{orientation}.png", rgb, exif=exif)
exif[274] = 6
save("upright6.jpg", rgb, exif=exif)
exif[274] = 8
save("upright8.webp", rgb, lossless=True, exif=exif)
save("upright5.tiff", rgb, tiffinfo={274: 5})
png("grey16.png", 8, 16, 0, struct.pack(">8H", 0, 1, 100, 255, 256, 300, 0x8000, 0xFFFF))
png("grey16_transparent.png", 2, 16, 0, struct.pack(">2H", 300, 7), chunk(b"tRNS", struct.pack(">H", 300)))
png("grey4.png", 4, 4, 0, b"\x05\xaf")
png("grey_alpha16.png", 1, 16, 4, struct.pack(">2H", 0x1234, 0x80FF))
png("rgb16.png", 2, 16, 2, struct.pack(">6H", 255, 256, 511, 0x80FF, 0xFFFF, 0x7FFF))
png("rgba16.png", 2, 16, 6, struct.pack(">8H", 255, 256, 511, 0x80FF, 40000, 30000, 20000, 0))
png("rgb_transparent.png", 2, 8, 2, bytes([9, 8, 7, 6, 5, 4]), chunk(b"tRNS", struct.pack(">3H", 9, 8, 7)))
png("palette_short.png", 4, 8, 3, bytes([0, 1, 2, 200]), chunk(b"PLTE", bytes([9, 8, 7, 6, 5, 4])))
png("palette_transparent.png", 3, 8, 3, bytes([0, 1, 1]),
    chunk(b"PLTE", bytes([9, 8, 7, 6, 5, 4])), chunk(b"tRNS", b"\0\x80"))

expected = {}
for path in sorted(HERE.glob("*.*")):
    if path.suffix in (".py", ".json"):
        continue
    plain = Image.open(path).convert("RGB")
    upright = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    expected[path.name] = {
        "width": plain.width,
        "height": plain.height,
        "sha256": hashlib.sha256(plain.tobytes()).hexdigest(),
        "upright_sha256": hashlib.sha256(upright.tobytes()).hexdigest(),
    }
text = json.dumps({"pillow": PIL.__version__, "pictures": expected}, indent=1)
(HERE / "expected.json").write_text(text + "\n")
