"""The server over real HTTP: who may ask, what leaves it, ranges of sound."""

from __future__ import annotations

import io
import re
import wave

import pandas as pd
import pytest

from kemfeat.browse import Browser
from kemfeat.store.reader import open_store
from tests.browse.kit import TOKEN, Served, served
from tests.build.kit import ROWS, Bench

PATHS = ["/", "/page/main.js", "/api/store", "/api/rows?offset=0&limit=1", "/api/places", "/audio?row=0", "/none"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("token", [None, "", "another", TOKEN + "x", "tökén".encode().decode("latin-1")])
def test_nothing_is_answered_without_the_token(page: Served, path: str, token: str | None) -> None:
    answer = page.ask(path, token=token)
    assert answer.code == 403
    assert list(answer.json) == ["error"]
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example", "[::1]"])
@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_answered_under_another_host(page: Served, path: str, host: str) -> None:
    assert page.ask(path, Host=host).code == 403


def test_the_token_may_be_in_address_header_or_cookie(page: Served) -> None:
    first = page.ask(page.address.partition(str(page.port))[2], token=None)
    cookie = first.headers["Set-Cookie"]
    assert re.search("HttpOnly.*SameSite=Strict", cookie)
    assert page.ask("/api/store", token=None, Cookie=cookie.partition(";")[0]).code == 200
    assert page.ask("/api/store", Host=f"localhost:{page.port}").code == 200


@pytest.mark.parametrize("path", [*PATHS, "/api/rows?offset=x"])
def test_every_answer_has_the_headers_that_keep_others_out(page: Served, path: str) -> None:
    for token in (TOKEN, None):
        headers = page.ask(path, token=token).headers
        assert headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-store"
        assert not {name for name in headers if name.startswith("Access-Control") or name in {"Server", "Etag"}}


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("path", PATHS)
def test_only_get_is_answered(page: Served, path: str, method: str) -> None:
    assert page.ask(path, method=method, body=b"" if method != "HEAD" else None).code == 405


@pytest.mark.parametrize(
    "path",
    [
        "/page/../server.py",
        "/page/%2e%2e/server.py",
        "/page/..%2fserver.py",
        "/page/x.js",
        "/page/",
        "/../etc/passwd",
        "//etc",
    ],
)
def test_no_address_leads_out_of_the_page(page: Served, path: str) -> None:
    assert page.ask(path).code == 404


def test_the_page_names_only_files_of_its_own(page: Served) -> None:
    html = page.ask("/").content.decode()
    names = re.findall(r'(?:src|href)="([^"]+)"', html)
    assert len(names) == 3
    for name in names:
        assert page.ask(name).code == 200
    assert "style=" not in html
    for file in re.findall(r'from "\./([a-z]+\.js)"', page.ask("/page/main.js").content.decode()):
        assert page.ask(f"/page/{file}").headers["Content-Type"].startswith("text/javascript")


@pytest.mark.parametrize(
    "query",
    [
        *("rows?offset=0", "rows?limit=1", "rows?offset=-1&limit=1", "rows?offset=1e3&limit=1", "utterance?row="),
        *("utterance?row=99999999999999999999", "utterance?row=%EF%BC%91", "place?row=x"),
    ],
)
def test_what_is_no_number_is_refused(page: Served, query: str) -> None:
    answer = page.ask(f"/api/{query}")
    assert answer.code == 400
    assert "expected a whole number" in answer.json["error"]


@pytest.mark.parametrize(
    "query",
    [
        "rows?offset=0&limit=1&sort=nothing",
        "rows?offset=0&limit=1&facet.nothing=a",
        "rows?offset=0&limit=1&lens=nothing",
        f"utterance?row={ROWS}",
        "picture?row=0&array=..%2f..%2fmel",
    ],
)
def test_what_is_not_there_is_one_sentence(page: Served, query: str) -> None:
    answer = page.ask(f"/api/{query}")
    assert answer.code == 422
    assert answer.json["error"]


def test_sound_is_the_file_in_ranges(page: Served, finished: Bench) -> None:
    content = finished.corpus.wav(finished.corpus.ids[2]).read_bytes()
    whole = page.ask("/audio?row=2")
    assert (whole.code, whole.content) == (200, content)
    assert whole.headers["Accept-Ranges"] == "bytes"
    assert whole.headers["Content-Type"] == "audio/wav"
    for header, expected in {
        "bytes=0-0": content[:1],
        "bytes=10-19": content[10:20],
        "bytes=100-": content[100:],
        "bytes=-7": content[-7:],
        f"bytes=5-{10 * len(content)}": content[5:],
    }.items():
        part = page.ask("/audio?row=2", Range=header)
        assert (part.code, part.content) == (206, expected)
        assert part.headers["Content-Range"].endswith(f"/{len(content)}")
    for header in ("bytes=5-4", "bytes=a-b", "lines=1-2", "bytes=0-1,4-5", "bytes=-"):
        assert page.ask("/audio?row=2", Range=header).content == content
    for header in (f"bytes={len(content)}-", "bytes=-0", "bytes=99999999-"):
        refused = page.ask("/audio?row=2", Range=header)
        assert (refused.code, refused.headers["Content-Range"]) == (416, f"bytes */{len(content)}")


def test_what_browsers_do_not_play_is_sent_as_wav(bench: Bench) -> None:
    import soundfile

    path = bench.corpus.wav(bench.corpus.ids[0])
    values, rate = soundfile.read(path)
    soundfile.write(path, values, rate, subtype="ULAW")
    bench.build()
    with served(Browser(open_store(bench.out), root=bench.corpus.root)) as running:
        answer = running.ask("/audio?row=0")
    with wave.open(io.BytesIO(answer.content)) as file:
        assert (file.getsampwidth(), file.getframerate(), file.getnframes()) == (2, rate, len(values))


def test_a_path_that_leads_out_of_the_corpus_is_not_played(bench: Bench) -> None:
    path = bench.corpus.wav(bench.corpus.ids[0])
    outside = bench.out.parent / "outside.wav"
    path.rename(outside)
    path.symlink_to(outside)
    store = open_store(bench.out)
    store.utterances.loc[1, "audio"] = "../outside.wav"
    store.utterances.loc[2, "audio"] = str(outside)
    store.utterances.loc[3, "audio"] = "/dev/zero"
    with served(Browser(store, root=bench.corpus.root)) as running:
        for row in range(4):
            answer = running.ask(f"/audio?row={row}")
            assert answer.code == 422
            assert "leads out of" in answer.json["error"]


def test_without_the_corpus_the_page_says_how_to_hear(bench: Bench) -> None:
    with served(Browser(open_store(bench.out))) as running:
        assert "--root" in running.ask("/api/utterance?row=0").json["sound"]
    bench.corpus.wav(bench.corpus.ids[0]).unlink()
    bench.corpus.wav(bench.corpus.ids[1]).write_bytes(b"short")
    with served(Browser(open_store(bench.out), root=bench.corpus.root)) as running:
        assert "found no such file" in running.ask("/api/utterance?row=0").json["sound"]
        assert "the store was built from" in running.ask("/audio?row=1").json["error"]


def test_a_selection_comes_back_as_its_ids(page: Served, finished: Bench) -> None:
    answer = page.ask("/api/ids", method="POST", body="[3, 0, 11]", Content_Type="application/json")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="ids.csv"'
    ids = open_store(finished.out).utterances["id"]
    assert pd.read_csv(io.BytesIO(answer.content))["id"].tolist() == [ids[3], ids[0], ids[11]]


@pytest.mark.parametrize(
    ("body", "kind"), [("[0]", "text/plain"), ("0", ""), ("[1.5]", ""), ("[true]", ""), ("[" * 9999, "")]
)
def test_a_selection_of_anything_else_is_refused(page: Served, body: str, kind: str) -> None:
    assert page.ask("/api/ids", method="POST", body=body, Content_Type=kind or "application/json").code == 400
    assert page.ask("/api/ids", method="POST", body="[-1]", Content_Type="application/json").code == 422


def test_nothing_is_written(bench: Bench) -> None:
    folders = (bench.out, bench.corpus.root)
    before = [{path: path.lstat().st_mtime_ns for path in folder.rglob("*")} for folder in folders]
    with served(Browser(open_store(bench.out), root=bench.corpus.root)) as running:
        for path in (*PATHS, "/api/facets", "/api/utterance?row=1", "/api/picture?row=1&array=mel"):
            running.ask(path)
        running.ask("/api/ids", method="POST", body="[0]", Content_Type="application/json")
    assert [{path: path.lstat().st_mtime_ns for path in folder.rglob("*")} for folder in folders] == before
