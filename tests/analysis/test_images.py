"""Decoding and fitting: pixel values worked out by hand, limits, one line for each bad file."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from analysis import images
from analysis.filekinds import printable
from analysis.images import decode, digest, fit, thumbnail
from cache.errors import UserError
from tests import hostile

# Pillow warns of many damaged files besides; decode()'s own filter is undone by pytest.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def pixels(source: Path | bytes, **options: int) -> np.ndarray:
    image = decode(source, **options)
    assert image.mode == "RGB"
    return np.asarray(image)


def refusal(source: Path | bytes, **options: str) -> str:
    """The one line with which a file is refused."""
    with pytest.raises(UserError) as caught:
        decode(source, **options)
    line = str(caught.value)
    assert "\n" not in line
    assert line == line.strip()
    return line


# ---- what the pixels are


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF"])
def test_every_exif_orientation_comes_out_upright(tmp_path, orientation, form):
    file = hostile.exif_orientation(tmp_path / "turned", orientation, form)
    assert np.array_equal(pixels(file), hostile.PIXELS)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("min_side", [None, 4])
def test_orientation_of_a_jpeg_also_when_drafted(tmp_path, orientation, min_side):
    file = hostile.exif_orientation(tmp_path / "turned.jpg", orientation, "JPEG")
    got = pixels(file, min_side=min_side)
    assert got.shape == ((32, 48, 3) if min_side is None else (8, 12, 3))
    centres = got[got.shape[0] // 4 :: got.shape[0] // 2, got.shape[1] // 6 :: got.shape[1] // 3]
    assert np.abs(centres.astype(int) - hostile.PIXELS).max() <= 6


def test_orientation_out_of_range_or_unreadable_is_none(tmp_path):
    assert np.array_equal(pixels(hostile.jpeg_broken_exif(tmp_path / "a.jpg"))[0, 0], [100] * 3)
    exif = Image.Exif()
    exif[0x0112] = 99
    Image.fromarray(hostile.PIXELS).save(tmp_path / "b.png", exif=exif)
    assert np.array_equal(pixels(tmp_path / "b.png"), hostile.PIXELS)


def test_alpha_lies_on_white(tmp_path):
    got = pixels(hostile.png_alpha(tmp_path / "a.png"))
    # 255 * (255 - 128) / 255 = 127; red at 51/255 = 1/5: green and blue 255 * 4/5 = 204
    assert got.tolist() == [[[255] * 3, [127] * 3, [0] * 3, [255, 204, 204]]]
    grey = pixels(hostile.png_grey_alpha(tmp_path / "la.png"))
    assert grey.tolist() == [[[100] * 3, [255] * 3]]


def test_alpha_is_laid_on_white_in_every_strip(tmp_path, monkeypatch):
    monkeypatch.setattr("analysis.rgb.STRIP_PIXELS", 8)
    column = np.zeros((7, 4, 4), np.uint8)
    column[..., 3] = np.arange(7)[:, None] * 36  # 255 - a: what is left of the white
    Image.fromarray(column).save(tmp_path / "a.png")
    assert pixels(tmp_path / "a.png")[:, 0, 0].tolist() == [255, 219, 183, 147, 111, 75, 39]


def test_16_bits_keep_their_high_byte(tmp_path):
    grey = pixels(hostile.png_16_bit_grey(tmp_path / "g.png"))
    assert grey.tolist() == [[[0] * 3, [127] * 3, [128] * 3, [255] * 3]]
    colour = pixels(hostile.png_16_bit_colour(tmp_path / "c.png"))
    assert colour.tolist() == [[[0, 127, 255], [128, 1, 0]]]


def test_the_transparent_colour_of_16_and_4_bit_pngs(tmp_path):
    grey = pixels(hostile.png_16_bit_grey(tmp_path / "g.png", clear=0x7FFF))
    assert grey[0, :, 0].tolist() == [0, 255, 128, 255]
    colour = hostile.png_16_bit_colour(tmp_path / "c.png", clear=(0x80FF, 0x0100, 0x00FF))
    assert pixels(colour).tolist() == [[[0, 127, 255], [255, 255, 255]]]
    few = pixels(hostile.png_4_bit_grey(tmp_path / "f.png"))
    assert few[0, :, 0].tolist() == [0, 51, 255, 255]  # 3 / 15 * 255 = 51; 9 is transparent


@pytest.mark.parametrize(
    ("ink", "colour"),
    [
        ((0, 255, 255, 0), (255, 0, 0)),  # magenta and yellow ink make red
        ((0, 0, 0, 0), (255, 255, 255)),  # no ink
        ((0, 0, 0, 255), (0, 0, 0)),
        ((255, 0, 0, 128), (0, 127, 127)),  # 255 - 128 = 127 of the light left, none of it red
    ],
)
def test_cmyk_is_turned_the_right_way_round(tmp_path, ink, colour):
    file = hostile.jpeg_cmyk(tmp_path / "a.jpg", ink)
    for min_side in (None, 4):
        assert np.abs(pixels(file, min_side=min_side).astype(int) - colour).max() <= 2


def test_palette_with_transparency_and_webp(tmp_path):
    blue_white = [[[0, 0, 255], [255, 255, 255]]]
    for form in ("PNG", "GIF"):
        file = hostile.palette_transparent(tmp_path / f"p.{form}", form)
        assert pixels(file).tolist() == blue_white
    assert np.array_equal(pixels(hostile.webp(tmp_path / "a.webp")), hostile.PIXELS)


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG"])
def test_the_first_frame_of_a_film(tmp_path, form):
    got = pixels(hostile.animated(tmp_path / "film", form))
    assert got.shape == (8, 8, 3)
    assert (got == hostile.RED).all()


def test_floating_point_tiffs(tmp_path):
    unit = pixels(hostile.tiff_float(tmp_path / "a.tif", [0.0, 0.5, 1.0]))
    assert unit[0, :, 0].tolist() == [0, 128, 255]  # 127.5 rounds to the even 128
    bytes_ = pixels(hostile.tiff_float(tmp_path / "b.tif", [0.0, 100.0, 255.0]))
    assert bytes_[0, :, 0].tolist() == [0, 100, 255]
    assert "0 to 1 or 0 to 255" in refusal(hostile.tiff_float(tmp_path / "c.tif", [-4.0, 900.0]))
    assert "0 to 1" in refusal(hostile.tiff_float(tmp_path / "d.tif", [0.0, float("nan")]))


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"])
def test_one_pixel_goes_all_the_way(tmp_path, form):
    file = hostile.one_pixel(tmp_path / "one", form)
    image = decode(file, min_side=256)
    assert image.size == (1, 1)
    seen = fit(image, resize=256, size=(224, 224))
    assert seen.shape == (224, 224, 3)
    assert np.abs(seen.astype(int) - [200, 100, 50]).max() <= 6
    assert thumbnail(image, 96).shape == (1, 1, 3)


def test_paths_and_bytes_and_odd_names_are_the_same(tmp_path):
    for file in hostile.odd_names(tmp_path):
        assert pixels(file).tolist() == [[[200, 100, 50]]]
        assert pixels(file.read_bytes()).tolist() == [[[200, 100, 50]]]


def test_big_photograph_is_drafted_but_never_below_twice_the_side_asked_for(tmp_path):
    file = hostile.big_photograph(tmp_path / "big.jpg")  # 6000 x 4000
    for min_side, scale in ((224, 8), (251, 4), (500, 4), (501, 2), (1001, 1), (9999, 1)):
        assert decode(file, min_side=min_side).size == (6000 // scale, 4000 // scale)
    small = pixels(file, min_side=250)
    assert np.abs(small[0, -1].astype(int) - [255, 0, 128]).max() <= 3
    assert np.abs(small[-1, 0].astype(int) - [0, 255, 128]).max() <= 3


def test_real_photographs_decode_as_pillow_does(shared):
    files = sorted((shared / "photos" / "openimages-cc-by").glob("*.jpg"))[:20]
    assert files
    for file in files:
        with Image.open(file) as plain:
            assert np.array_equal(pixels(file), np.asarray(plain.convert("RGB")))


# ---- files that are refused


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (hostile.empty, "is empty"),
        (hostile.renamed_text, "is text, not a picture"),
        (hostile.web_page, "is a web page"),
        (hostile.svg, "is an SVG drawing"),
        (lambda path: hostile.header_only(path, b"heic"), "is a HEIC photograph"),
        (lambda path: hostile.header_only(path, b"avif"), "damaged or cut off"),
        (lambda path: hostile.header_only(path, b"isom"), "is a film"),
        (hostile.bomb_gif, "claims 65535 x 65535 pixels"),
    ],
)
def test_what_is_no_picture_is_named(tmp_path, make: Callable[[Path], Path], word):
    line = refusal(make(tmp_path / "holiday.jpg"))
    assert "holiday.jpg" in line
    assert word in line


@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("PNG", {}),
        ("WEBP", {"lossless": True}),
        ("GIF", {}),
        ("BMP", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("AVIF", {}),
    ],
)
@pytest.mark.parametrize("share", [0.02, 0.5, 0.95])
def test_a_cut_file_is_refused_and_the_whole_one_is_not(tmp_path, form, options, share):
    whole = hostile.noisy(tmp_path / "whole", form, **options)
    assert decode(whole).size == (200, 150)
    part = hostile.cut(tmp_path / "part", whole, share)
    assert "part " in refusal(part)
    with pytest.raises(UserError, match="is damaged or cut off"):
        decode(part, min_side=16)


def test_a_jpeg_without_its_end_marker_only_is_whole(tmp_path):
    whole = hostile.noisy(tmp_path / "whole.jpg", "JPEG")
    (tmp_path / "part.jpg").write_bytes(whole.read_bytes()[:-2])
    try:
        got = pixels(tmp_path / "part.jpg")
    except UserError:
        return  # refused is right as well: only half a picture must not pass
    assert np.array_equal(got, pixels(whole))


def test_cut_files_are_refused_whatever_pillow_was_told(tmp_path, monkeypatch):
    limit = Image.MAX_IMAGE_PIXELS
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    for form in ("PNG", "JPEG"):
        whole = hostile.noisy(tmp_path / "whole", form)
        part = hostile.cut(tmp_path / "part", whole, 0.5)
        with Image.open(part) as plain:
            plain.load()  # half a picture passes for one here
        assert "cut off" in refusal(part)
    assert ImageFile.LOAD_TRUNCATED_IMAGES  # as it was before
    assert limit == Image.MAX_IMAGE_PIXELS


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "PPM"])
def test_damaged_bytes_give_a_picture_or_one_line(tmp_path, form):
    sound = hostile.noisy(tmp_path / "sound", form, (40, 30)).read_bytes()
    chance = np.random.default_rng(3)
    for _ in range(60):
        data = np.frombuffer(sound, np.uint8).copy()
        reach = len(data) if chance.random() < 0.5 else 80  # headers are the delicate part
        data[chance.integers(0, reach, 4)] = chance.integers(0, 256, 4)
        line = None
        try:
            assert decode(data.tobytes()).mode == "RGB"
        except UserError as error:
            line = str(error)
        assert line is None or (line.startswith("the picture ") and "\n" not in line)


def test_places_that_are_no_file(tmp_path):
    assert "is a folder" in refusal(tmp_path)
    assert "there is no file" in refusal(tmp_path / "none.jpg")
    assert "cannot be opened" in refusal(tmp_path / ("long" * 100))
    assert "is no ordinary file" in refusal(Path("/dev/zero"))


def test_a_name_with_a_newline_still_gives_one_line(tmp_path):
    assert "two\\nlines.jpg is empty" in refusal(hostile.empty(tmp_path / "two\nlines.jpg"))
    assert refusal(b"", name="up\r\nload.png") == "up\\r\\nload.png is empty"
    assert printable("Zoë 猫 🐈") == "Zoë 猫 🐈"
    assert printable("bad\udcff") == "bad\N{REPLACEMENT CHARACTER}"


def test_a_file_of_too_many_bytes(tmp_path):
    with (tmp_path / "sparse.png").open("wb") as out:
        out.truncate(images.MAX_BYTES + 1)
    assert "more than the 256 MB" in refusal(tmp_path / "sparse.png")


def test_too_many_pixels_in_a_format_that_is_read_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "MAX_DECODED", 100)
    Image.new("RGB", (20, 20)).save(tmp_path / "a.bmp")
    assert "save it as a JPEG" in refusal(tmp_path / "a.bmp")


def test_a_huge_progressive_jpeg_is_refused_in_one_line(tmp_path, monkeypatch):
    file = hostile.noisy(tmp_path / "a.jpg", "JPEG", progressive=True, subsampling=0)
    monkeypatch.setattr(images, "MAX_COEFFICIENTS", 200 * 150 * 3 * 2)
    assert decode(file).size == (200, 150)
    monkeypatch.setattr(images, "MAX_COEFFICIENTS", 200 * 150 * 3 * 2 - 1)
    assert "progressive JPEG" in refusal(file)


# ---- 200 megapixels


def peak_megabytes(file: Path, min_side: int | None) -> tuple[list[int], float]:
    """Size and first and last red of the decoded picture, and the growth of a fresh process."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom analysis.images import decode\n"
        "def peak():  # of this program alone; ru_maxrss remembers the process that started it\n"
        "    lines = Path('/proc/self/status').read_text().splitlines()\n"
        "    return next(int(line.split()[1]) for line in lines if line.startswith('VmHWM'))\n"
        "before = peak()\n"
        "i = decode(Path(sys.argv[1]), min_side=eval(sys.argv[2]))\n"
        "after = peak()\n"
        "far = (i.width - 1, i.height - 1)\n"
        "print(*i.size, i.getpixel((0, 0))[0], i.getpixel(far)[0], (after - before) / 1024)\n"
    )
    if not Path("/proc/self/status").exists():
        pytest.skip("needs Linux: peak memory is read from /proc")
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", code, str(file), str(min_side)]
    run = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    *numbers, peak = run.stdout.split()
    return [int(number) for number in numbers], float(peak)


def test_a_200_megapixel_jpeg_needs_little_memory(tmp_path):
    file = hostile.jpeg_200_megapixels(tmp_path / "huge.jpg")
    seen, peak = peak_megabytes(file, 256)
    assert seen == [2500, 1250, 128, 128]
    assert peak < 60
    seen, peak = peak_megabytes(file, None)
    assert seen == [10_000, 5_000, 128, 128]
    assert peak < 400


def test_a_200_megapixel_png_needs_little_memory(tmp_path):
    file = hostile.png_200_megapixels(tmp_path / "huge.png")
    seen, peak = peak_megabytes(file, 256)
    assert seen == [2500, 1250, 255, 0]
    assert peak < 300


def test_a_200_megapixel_interlaced_png_is_refused(tmp_path):
    file = hostile.png_200_megapixels(tmp_path / "huge.png", interlaced=1)
    assert "interlaced PNG of 200 megapixels" in refusal(file)


@pytest.mark.parametrize("mode", ["L", "RGB", "P", "LA", "RGBA"])
def test_a_png_read_in_strips_is_the_mean_of_its_blocks(tmp_path, monkeypatch, mode):
    """Odd sizes, all of PNG's filters, several strips: against Pillow's own reduce of the whole."""
    noise = np.random.default_rng(1).integers(0, 256, (61, 83, 4), dtype=np.uint8)
    ramp = (np.indices((61, 83)).sum(0)[..., None] * 2 + noise // 8).astype(np.uint8)
    image = Image.fromarray(ramp).convert(mode)
    options = {"transparency": 3} if mode == "P" else {}
    image.save(tmp_path / "a.png", **options)
    whole = decode(tmp_path / "a.png")
    monkeypatch.setattr(images, "MAX_DECODED", 61 * 83 // 9 + 60)
    monkeypatch.setattr("analysis.bigpng.STRIP_BYTES", 1000)
    assert np.array_equal(pixels(tmp_path / "a.png"), np.asarray(whole.reduce(3)))
    part = hostile.cut(tmp_path / "cut.png", tmp_path / "a.png", 0.6)
    assert "damaged or cut off" in refusal(part)


# ---- what the network sees


@pytest.mark.parametrize("size", [(640, 427), (300, 451), (224, 224), (57, 91), (256, 300)])
@pytest.mark.parametrize(("resize", "crop"), [(256, (224, 224)), (256, (192, 256)), (32, (40, 36))])
def test_fit_gives_the_pixels_of_torchvision(size, resize, crop):
    from analysis.torchvision_shim import torchvision

    noise = np.random.default_rng(2).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    image = Image.fromarray(noise)
    steps = torchvision.transforms
    expected = steps.Compose([steps.Resize(resize), steps.CenterCrop(crop)])(image)
    assert np.array_equal(fit(image, resize=resize, size=crop), np.asarray(expected))


def test_fit_squeezes_the_whole_picture_and_makes_grey():
    halves = np.zeros((10, 40, 3), np.uint8)
    halves[:, 20:] = (255, 0, 0)
    image = Image.fromarray(halves)
    squeezed = fit(image, resize=256, size=(8, 8), mode="squeeze")
    assert squeezed[:, :3].max() == 0
    assert squeezed[:, 5:, 0].min() == 255
    grey = fit(image, resize=10, size=(10, 10), channels=1)
    assert grey.shape == (10, 10, 1)
    assert grey[0, [0, -1], 0].tolist() == [0, 76]  # 0.299 * 255 = 76.2
    with pytest.raises(UserError, match="4 channels"):
        fit(image, resize=10, size=(10, 10), channels=4)


def test_a_picture_of_one_row_does_not_fill_the_memory(tmp_path):
    image = decode(hostile.long_line(tmp_path / "line.png"), min_side=256)
    assert image.size == (60_000, 1)
    assert (fit(image, resize=256, size=(224, 224)) == 90).all()
    assert thumbnail(image, 96).shape == (1, 96, 3)


def test_thumbnail_keeps_proportions_and_never_enlarges():
    image = Image.new("RGB", (400, 200), (10, 20, 30))
    small = thumbnail(image, 100)
    assert small.shape == (50, 100, 3)
    assert (small == (10, 20, 30)).all()
    assert thumbnail(image, 1000).shape == (200, 400, 3)
    assert image.size == (400, 200)


def test_digest_is_sha256():
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert digest(b"abc") == known
