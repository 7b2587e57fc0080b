"""Google's storage-testbench, and what it lacks of the XML API: credentials, lists, copies, removals, tags.

Run by the Python that has the testbench: ``python google_xml.py PORT BUCKET``. Objects, generations and conditions are
Google's own code; what is here translates requests into its JSON API, and asks for a token.
"""

from __future__ import annotations

import json
import sys
from base64 import b64decode
from datetime import datetime
from email.utils import format_datetime
from urllib.parse import quote
from xml.sax.saxutils import escape

from testbench.rest_server import server
from werkzeug.serving import make_server
from werkzeug.test import Client
from werkzeug.wrappers import Request, Response

JSON = Client(server)
REFUSED = 401


def place(bucket: str, name: str) -> str:
    """Path of an object in the JSON API."""
    return f"/b/{bucket}/o/{quote(name, safe='')}"


def tag(found: dict[str, str]) -> str:
    return f'"{b64decode(found["md5Hash"]).hex()}"'


def with_facts(answer: Response, bucket: str, name: str) -> Response:
    """The answer to a request that succeeded, with what the JSON API says of the object."""
    found = json.loads(JSON.get(f"/storage/v1{place(bucket, name)}").data)
    answer.headers["ETag"] = tag(found)
    answer.headers["x-goog-generation"] = found["generation"]
    answer.headers["Last-Modified"] = format_datetime(datetime.fromisoformat(found["updated"]))
    return answer


def listed(bucket: str, prefix: str) -> Response:
    found = json.loads(JSON.get(f"/storage/v1/b/{bucket}/o", query_string={"prefix": prefix}).data)
    rows = "".join(
        f"<Contents><Key>{escape(each['name'])}</Key><Size>{each['size']}</Size><ETag>{escape(tag(each))}</ETag>"
        f"<LastModified>{each['updated']}</LastModified></Contents>"
        for each in found.get("items", ())
    )
    return Response(f"<ListBucketResult>{rows}</ListBucketResult>", content_type="application/xml")


def of_object(request: Request, bucket: str, name: str) -> Response:
    """The answer to a request for an object."""
    if request.method == "DELETE":
        return JSON.delete(f"/storage/v1{place(bucket, name)}")
    source = request.headers.get("x-goog-copy-source", "").lstrip("/").partition("/")[2]
    if source:
        answer = JSON.post(f"/storage/v1/b/{bucket}/o/{quote(source, safe='%')}/copyTo{place(bucket, name)}", json={})
    else:
        answer = Response.from_app(server, request.environ)
    return with_facts(answer, bucket, name) if answer.status_code < 300 else answer


@Request.application
def application(request: Request) -> Response:
    """Answer as Google's XML API does."""
    bucket, _, name = request.path.lstrip("/").partition("/")
    if not request.headers.get("Authorization", "").removeprefix("Bearer "):
        return Response("", REFUSED)
    return of_object(request, bucket, name) if name else listed(bucket, request.args.get("prefix", ""))


if __name__ == "__main__":
    JSON.post("/storage/v1/b", query_string={"project": "tests"}, json={"name": sys.argv[2]})
    make_server("127.0.0.1", int(sys.argv[1]), application).serve_forever()
