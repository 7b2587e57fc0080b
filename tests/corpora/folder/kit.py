"""A table of a user's own and its files, and ways to read and build them."""

import csv

from kemfeat.build import BuildOptions, build_store
from kemfeat.corpora import open_reader

PRIVATE = (
    "id,audio,text,speaker,session,start,end,emotion,eda,eda_rate,ibi\n"
    "u1,wav/u1.wav,Hello,anna,S1,0,0.75,happiness,eda/u1.txt,4,ibi/u1.csv\n"
    "u2,wav/u2.wav,,ben,S1,1,1.75,neutral,eda/u2.txt,4,\n"
    "u3,wav/u3.wav,Bye,anna,S2,0,0.75,sad;anger,,,\n"
)


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def edit(root, old, new):
    text = (root / "utterances.csv").read_text()
    assert old in text
    (root / "utterances.csv").write_text(text.replace(old, new))


def read(root, *, table=None, on_error="raise"):
    manifest = open_reader("folder", root=root, table=table).read_manifest(root, on_error=on_error)
    return manifest, {finding.rule: finding.count for finding in manifest.findings}


def build(root, out, *, table=None, **options):
    return build_store(
        "folder",
        root=root,
        out=out,
        table=table,
        settings={"mel": {"max_frames": 32, "n_mels": 16}, "rows_per_shard": 2},
        options=BuildOptions(**options),
    )


def write_emodb_table(root, path, *, most=None):
    """A table of the clips, with text and acted emotion, by hand as a user would make it."""
    rows = []
    for annotation in sorted(root.glob("annotation/*.csv")):
        with annotation.open(newline="", encoding="utf-8") as file:
            for cells in list(csv.reader(file))[2:]:
                name = cells[3]
                clip = f"wav/Session{name[4:6]}/{name}"
                rows.append([name, f"{clip}.wav", f"{clip}.txt", "cp949", name[16:24], cells[4], *cells[1:3]])
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "audio", "text_file", "text_encoding", "speaker", "emotion", "start", "end"])
        writer.writerows(rows[:most])
    return path
