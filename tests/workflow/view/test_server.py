"""The server: what it answers, and whom it refuses."""

import errno
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from urllib.parse import quote

import pytest

from perovec_bayes.cli import main
from perovec_bayes.errors import StudyError
from perovec_bayes.workflow.view.server import HOST, listen


def ask(port, path, method="GET", host=None, **headers):
    """Send one request as it is; return status, headers and body."""
    connection = http.client.HTTPConnection(HOST, port, timeout=60)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name in [host] if isinstance(host, str) else host or [f"{HOST}:{port}"]:
            connection.putheader("Host", name)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode(errors="replace")
    finally:
        connection.close()


def test_the_list(port):
    status, headers, page = ask(port, "/")
    assert status == 200
    assert headers["Content-Type"] == "text/html; charset=UTF-8"
    assert "6 runs: 3 passed the gate, 1 quick, 1 failed it, 1 broken." in page
    assert "summary.csv: line" in page or "summary.csv: no quantities" in page
    assert "&lt;script&gt;document.title" in page
    assert "<script" not in page
    order = [page.index(f">{name}</a>") for name in ("evil ü&amp;", "delta-quick", "gamma")]
    assert order == sorted(order)  # the last made first


def test_sorting_and_ticks_go_together(port):
    page = ask(port, "/?sort=made-down&run=gamma&words=&sort=name-up")[2]
    places = [page.index(f">{name}</a>") for name in ("alpha", "beta", "delta-quick", "gamma")]
    assert places == sorted(places)
    assert page.count(" checked>") == 1
    assert 'id="sort-name" autofocus' in page
    assert "autofocus" not in ask(port, "/?sort=name-up")[2]


def test_reports_as_they_are_but_without_scripts(port, shelf_of_runs):
    status, headers, body = ask(port, f"/files/{quote('evil ü&')}/report.html")
    assert (status, body) == (200, "<p>report of evil ü&</p>")
    assert "script-src" not in headers["Content-Security-Policy"]
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'unsafe-")
    status, headers, body = ask(port, "/files/alpha/summary.csv")
    assert (status, headers["Content-Type"]) == (200, "text/plain; charset=UTF-8")
    assert body == (shelf_of_runs / "alpha" / "summary.csv").read_text()


@pytest.mark.parametrize("path", ["/", "/files/alpha/report.html", "/nowhere", "/compare"])
def test_every_answer_is_guarded(port, path):
    headers = ask(port, path)[1]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in headers
    assert "Server" not in headers


@pytest.mark.parametrize("path", ["/", "/compare?run=alpha&run=gamma", "/files/alpha/report.html",
                                  "/files/../secret", "/nowhere"])  # fmt: skip
@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "localhost", "127.0.0.1:1",
             "127.0.0.2:{port}", "[::1]:{port}", "localhost.evil.example:{port}", ""]
)  # fmt: skip
def test_other_names_of_this_machine_are_refused(port, path, host):
    status, _, page = ask(port, path, host=host.format(port=port))
    assert status in {400, 403}
    assert "alpha" not in page


def test_two_names_at_once_are_refused(port):
    assert ask(port, "/", host=[f"{HOST}:{port}", "evil.example"])[0] in {400, 403}


def test_localhost_is_a_name_of_this_server(port):
    assert ask(port, "/", host=f"localhost:{port}")[0] == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "same-site"}, 403),
        ({"Sec_Fetch_Site": "none"}, 200),
        ({"Sec_Fetch_Site": "same-origin", "Origin": "http://127.0.0.1:{port}"}, 200),
    ],
)
def test_pages_of_others_may_not_ask(port, headers, status):
    named = {name: value.format(port=port) for name, value in headers.items()}
    assert ask(port, "/", **named)[0] == status


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_only_reading(port, method):
    status, headers, _ = ask(port, "/", method=method)
    assert (status, headers["Allow"]) == (405, "GET, HEAD")


def test_head(port):
    length = ask(port, "/files/alpha/report.html")[1]["Content-Length"]
    status, headers, body = ask(port, "/files/alpha/report.html", method="HEAD")
    assert (status, headers["Content-Length"], body) == (200, length, "")


@pytest.mark.parametrize(
    "path",
    [
        "/files/../../../../etc/passwd",
        "/files/%2e%2e/%2e%2e/etc/passwd",
        "/files/..%2f..%2fetc%2fpasswd",
        "/files/alpha/%2e%2e/%2e%2e/secret.csv",
        "/files//etc/passwd",
        "/files/%2fetc%2fpasswd",
        "/files/alpha/posterior.nc",
        "/files/alpha/",
        "/files/alpha",
        "/files/",
        "/files/alpha/summary.csv%00",
        "/files/%ff%fe/summary.csv",
        "/static/x",
        "/robots.txt",
    ],
)
def test_paths_that_are_refused(port, path):
    status, _, page = ask(port, path)
    assert status in {403, 404}
    assert "root:" not in page
    assert "alpha</a>" not in page  # nor is a folder listed


def test_a_link_that_leads_out(put_run, serve_folder, tmp_path):
    run = put_run(tmp_path / "runs" / "a")
    (tmp_path / "secret.csv").write_text("secret")
    (run / "out.csv").symlink_to(tmp_path / "secret.csv")
    with serve_folder(tmp_path / "runs") as port:
        status, _, page = ask(port, "/files/a/out.csv")
    assert status == 403
    assert "secret" not in page


def test_chosen_runs_beside_each_other(port):
    status, _, page = ask(port, "/compare?run=alpha&run=deep/beta&run=gamma")
    assert status == 200
    assert "3 runs beside each other" in page
    assert "4 of 1600 draws are divergent" in page
    assert "<svg" in page
    assert page.count("95 % upper limit") == 3


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("", 400, "Choose 2 to 6 runs"),
        ("?run=alpha", 400, "Choose 2 to 6 runs"),
        ("?run=alpha&run=alpha", 400, "Choose 2 to 6 runs"),
        ("?" + "&".join(f"run={i}" for i in range(7)), 400, "Choose 2 to 6 runs"),
        ("?run=alpha&run=nowhere", 404, "no longer there"),
        ("?run=alpha&run=zeta", 404, "no longer there, or have no result"),
        ("?run=alpha&run=../../etc", 404, "no longer there"),
        ("?run=alpha&run=<script>", 404, "no longer there"),
    ],
)
def test_what_cannot_be_compared(port, query, status, words):
    found, _, page = ask(port, f"/compare{query.replace('<', '%3C').replace('>', '%3E')}")
    assert found == status
    assert words in page
    assert "<script" not in page


def test_a_damaged_result_is_named_and_the_others_compared(put_run, serve_folder, tmp_path):
    for number, name in enumerate("abc", start=1):
        put_run(tmp_path / name, seed=number)
    (tmp_path / "c" / "posterior.nc").write_bytes(b"not netCDF")
    with serve_folder(tmp_path) as port:
        status, _, page = ask(port, "/compare?run=a&run=b&run=c")
        assert status == 200
        assert "c: not a readable netCDF file" in page
        assert "2 runs beside each other" in page
        status, _, page = ask(port, "/compare?run=a&run=c")
        assert status == 404
        assert "Too few results can be read. c: not a readable" in page


def test_a_real_run(finished, serve_folder, tmp_path):
    shutil.copytree(finished.folder, tmp_path / "runs" / "one")
    shutil.copytree(finished.folder, tmp_path / "runs" / "two")
    with serve_folder(tmp_path / "runs") as port:
        page = ask(port, "/")[2]
        assert "2 runs: 2 passed the gate." in page
        assert "A tiny table" in page
        assert "mol/L" in page  # the unit of the report, not of summary.csv
        status, _, report = ask(port, "/files/one/report.html")
        assert (status, report) == (200, (finished.folder / "report.html").read_text())
        assert ask(port, "/files/one/tables/decisions.csv")[0] == 200
        status, headers, pdf = ask(port, "/files/one/report.pdf")
        assert (status, headers["Content-Type"], pdf[:4]) == (200, "application/pdf", "%PDF")
        page = ask(port, "/compare?run=one&run=two")[2]
        assert "icp.csv in A, B" in page
        assert page.count("95 % upper limit") >= 2


def test_a_port_that_is_taken():
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        number = taken.getsockname()[1]
        with pytest.raises(StudyError, match=f"--port: the port is taken; found {number}"):
            listen(number)


@pytest.mark.parametrize(
    ("free", "tried"), [(8767, [8765, 8766, 8767]), (9999, [*range(8765, 8785), 0])]
)
def test_the_first_free_port_is_taken(monkeypatch, free, tried):
    seen = []

    def bind(address):
        seen.append(address)
        if address[1] and address[1] < free:
            raise OSError(errno.EADDRINUSE, "taken")
        return real((HOST, 0))

    real = socket.create_server
    monkeypatch.setattr(socket, "create_server", bind)
    listen(None).close()
    assert seen == [(HOST, each) for each in tried]


@pytest.mark.parametrize("port", [-1, 65536])
def test_no_such_port(port):
    with pytest.raises(StudyError, match="not a port"):
        listen(port)


def test_it_listens_on_this_machine_alone():
    with listen(0) as found:
        assert found.getsockname()[0] == HOST


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["nowhere"], "no such folder"),
        (["empty"], "no runs in this folder or below it"),
        (["alpha", "--port", "99999"], "not a port"),
        (["alpha", "--port", "abc"], "port"),
    ],
)
def test_mistakes_are_one_line(tmp_path, put_run, monkeypatch, capsys, argv, words):
    put_run(tmp_path / "alpha")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    assert main(["view", *argv]) == 2
    said = capsys.readouterr().err
    assert said.startswith("perovec: error: ")
    assert said.count("\n") == 1
    assert words in said


def test_the_command_until_ctrl_c(put_run, tmp_path):
    put_run(tmp_path / "runs" / "a")
    opener = tmp_path / "browser.sh"  # in place of a browser
    opener.write_text(f'#!/bin/sh\nprintf %s "$1" > "{tmp_path}/opened"\n')
    opener.chmod(0o755)
    code = "import sys; from perovec_bayes.cli import main; sys.exit(main(sys.argv[1:]))"
    words = ["view", str(tmp_path / "runs"), "--port", "0", "--open"]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "BROWSER": f"{opener} %s"},
    )  # fmt: skip
    timer = threading.Timer(120, process.kill)
    timer.start()
    try:
        line = process.stdout.readline()
        address = line.split()[0]
        assert line.startswith("http://127.0.0.1:")
        assert "shows 1 run of" in line
        port = int(address.rstrip("/").rpartition(":")[2])
        assert ask(port, "/")[0] == 200
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=60)
    finally:
        timer.cancel()
        process.kill()
        process.wait()
    assert (process.returncode, rest, errors) == (0, "", "")
    assert (tmp_path / "opened").read_text() == address
