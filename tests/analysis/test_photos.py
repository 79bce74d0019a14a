"""Sample photographs out of packages, and folders of the user's own with their labels."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from analysis import photos
from analysis.classes import Label, imagenet_synsets
from analysis.images import digest, fit
from analysis.photos import Picture, folder, samples
from cache.errors import UserError
from tests import hostile


def refusal(path: Path, **options: Path) -> str:
    with pytest.raises(UserError) as caught:
        folder(path, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def picture_in(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return hostile.one_pixel(path)


# ---- samples


def test_samples_are_photographs_with_grace_hopper_first():
    collection = samples()
    assert collection.pictures[0].name == "Grace Hopper"
    assert collection.pictures[0].label == Label("synset", "n03763968")  # military uniform
    assert len({picture.name for picture in collection}) == len(collection)
    assert len({picture.key for picture in collection}) == len(collection)
    assert all(min(picture.decode().size) >= 300 for picture in collection)
    assert all(picture.label is None for picture in samples(labels=False))


def test_foolbox_labels_are_those_of_its_file_names():
    found = [p for p in samples() if isinstance(p.source, Path) and "foolbox" in p.source.parts]
    if not found:
        pytest.skip("needs the package foolbox (extra [samples])")
    everything = sorted(found[0].source.parent.glob("imagenet_*.jpg"))
    assert sorted(picture.source for picture in found) == everything
    assert len(found) == 20
    for picture in found:
        index = int(re.findall(r"\d+", picture.source.stem)[-1])
        assert imagenet_synsets()[picture.label.value] == index


def test_samples_import_none_of_the_packages():
    code = (
        "import sys; from analysis.photos import samples; [p.decode() for p in samples()]\n"
        "heavy = ['torch', 'skimage', 'foolbox', 'sklearn', 'matplotlib', 'scipy']\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    root = Path(__file__).resolve().parents[2]
    run = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert run.stdout.strip() == "[]", run.stderr


def test_packages_that_are_missing_are_left_out_and_said(monkeypatch):
    real = photos.find_spec
    absent = ("skimage", "foolbox")
    monkeypatch.setattr(photos, "find_spec", lambda name: None if name in absent else real(name))
    collection = samples()
    assert [picture.name for picture in collection] == ["Grace Hopper", "tower in China", "flower"]
    assert "26 more come with the extra [samples]" in collection.note


def test_drafting_does_not_change_what_a_network_sees_of_the_samples():
    for picture in samples():
        whole = fit(picture.decode(), resize=256, size=(224, 224))
        quick = fit(picture.decode(min_side=256), resize=256, size=(224, 224))
        assert np.abs(whole.astype(int) - quick).mean() < 0.5, picture.name


# ---- pictures


def test_a_picture_of_bytes_and_of_a_file_have_the_key_of_their_content(tmp_path):
    file = picture_in(tmp_path / "a.png")
    data = file.read_bytes()
    assert Picture("a", file).key == Picture("upload", data).key == digest(data)
    assert Picture("upload", data).decode().getpixel((0, 0)) == (200, 100, 50)


def test_a_file_that_vanished_says_so(tmp_path):
    picture = folder(picture_in(tmp_path / "a.png").parent).pictures[0]
    (tmp_path / "a.png").unlink()
    with pytest.raises(UserError, match=r"no file a\.png"):
        picture.read()


# ---- folders


def test_a_folder_of_folders_is_labelled_by_their_names(tmp_path):
    for name in ("n02123045/b.png", "red_fox/a.PNG", "red_fox/deep/c.png", "loose.png", "7/d.png"):
        picture_in(tmp_path / name)
    collection = folder(tmp_path)
    assert {picture.name: picture.label for picture in collection} == {
        "7/d.png": Label("name", "7"),
        "loose.png": None,
        "n02123045/b.png": Label("synset", "n02123045"),
        "red_fox/a.PNG": Label("name", "red_fox"),
        "red_fox/deep/c.png": Label("name", "deep"),
    }
    assert [picture.name for picture in collection] == sorted(p.name for p in collection)
    assert collection.labelled == 4
    assert collection.note == "5 pictures, 4 labelled by their folders' names"


def test_what_is_hidden_or_no_picture_by_its_name_is_left_out(tmp_path):
    for name in ("a.png", ".b.png", ".thumbnails/c.png", "__MACOSX/d.png"):
        picture_in(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "folder.jpg").mkdir()
    assert [picture.name for picture in folder(tmp_path)] == ["a.png"]


def test_links_to_folders_are_followed_once(tmp_path):
    picture_in(tmp_path / "elsewhere" / "a.png")
    root = tmp_path / "root"
    picture_in(root / "b.png")
    (root / "linked").symlink_to(tmp_path / "elsewhere")
    (root / "loop").symlink_to(root)
    assert [picture.name for picture in folder(root)] == ["b.png", "linked/a.png"]


def test_odd_names_are_one_line_each_and_can_be_read(tmp_path):
    hostile.odd_names(tmp_path)
    collection = folder(tmp_path)
    assert len(collection) == len(hostile.ODD_NAMES)
    assert "two\\nlines.png" in [picture.name for picture in collection]
    assert all(picture.decode().size == (1, 1) for picture in collection)


def test_broken_files_are_listed_and_found_when_read(tmp_path):
    hostile.renamed_text(tmp_path / "letter.jpg")
    picture = folder(tmp_path).pictures[0]
    with pytest.raises(UserError, match=r"^letter\.jpg is text, not a picture"):
        picture.decode()


def test_folders_that_cannot_be_meant(tmp_path):
    assert "there are no pictures in" in refusal(tmp_path)
    assert "does not exist" in refusal(tmp_path / "nowhere")
    assert "is a file, not a folder" in refusal(picture_in(tmp_path / "a.png"))


# ---- labels.csv


def test_labels_beside_the_pictures_are_found(tmp_path):
    for name in ("a.png", "sub/b.png", "c.png", "d.png"):
        picture_in(tmp_path / name)
    (tmp_path / "labels.csv").write_text(
        "file,class_index,class_name\r\n./a.png,5,\r\nsub\\b.png,,red fox\r\nc.png,,\r\n",
        encoding="utf-8-sig",
    )
    labels = {picture.name: picture.label for picture in folder(tmp_path)}
    assert labels["a.png"] == Label("index", 5)
    assert labels["sub/b.png"] == Label("name", "red fox")
    assert labels["c.png"] is None
    assert labels["d.png"] is None


def test_a_table_elsewhere_wins_over_folders_and_says_what_is_absent(tmp_path):
    picture_in(tmp_path / "in" / "cats" / "two\nlines.png")
    picture_in(tmp_path / "in" / "Zoe\u0308.png")
    table = tmp_path / "mine.csv"
    absolute = tmp_path / "in" / "Zo\u00eb.png"  # composed in the table, decomposed on disk
    table.write_text(
        f'file,class_index,synset\n"cats/two\nlines.png",3,n01440764\n{absolute},4,\ngone.png,1,\n'
    )
    collection = folder(tmp_path / "in", labels=table)
    assert {picture.label for picture in collection} == {
        Label("synset", "n01440764"),
        Label("index", 4),
    }
    assert (
        collection.note == "2 pictures, 2 labelled by mine.csv; 1 files that it names are not there"
    )


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "needs a header"),
        ("name,class_index\na.png,1\n", "needs a header"),
        ("file,kind\na.png,1\n", "needs a header"),
        ("file;class_index\na.png;1\n", "separated by commas"),
        ("file,class_index\na.png,-1\n", "line 2"),
        ("file,class_index\na.png,1\na.png,2\n", "line 3"),
        ("file,class_index\na.png,one\n", "'one', which is no whole number"),
        ("file,class_index\n,1\n", "names no file"),
        ("file,class_index\nother.png,1\n", "none of the files"),
    ],
)
def test_a_table_that_cannot_be_meant(tmp_path, text, word):
    picture_in(tmp_path / "a.png")
    (tmp_path / "labels.csv").write_text(text)
    assert word in refusal(tmp_path)


def test_a_table_that_cannot_be_read(tmp_path):
    picture_in(tmp_path / "a.png")
    assert "cannot be read: No such file" in refusal(tmp_path, labels=tmp_path / "no.csv")
    (tmp_path / "latin.csv").write_bytes("file,class_name\na.png,Käse\n".encode("latin-1"))
    assert "no table in UTF-8" in refusal(tmp_path, labels=tmp_path / "latin.csv")


def test_the_shared_folders_are_labelled_whole(shared):
    counts = {"imagenet-sample": 1000, "caltech101-twenty-per-class": 2000}
    for name, count in counts.items():
        collection = folder(shared / "photos" / name)
        assert len(collection) == collection.labelled == count
    first = folder(shared / "photos" / "imagenet-sample").pictures[0]
    assert first.label == Label("synset", "n01440764")
    assert np.asarray(first.decode()).shape == np.asarray(Image.open(first.source)).shape
