"""A little of everything a service in Python does: it serves, asks itself, calculates, stores, and ends."""

import asyncio
import concurrent.futures
import hashlib
import http.server
import json
import logging
import mmap
import multiprocessing
import os
import secrets
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import zipfile
import zlib


class Handler(http.server.SimpleHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answer = json.dumps({"bytes": len(body), "sum": hashlib.sha256(body).hexdigest()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args):
        logging.info("%s", args)


def serve():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"

    def ask(number):
        request = urllib.request.Request(base + "/", data=b"x" * number * 1000)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["bytes"]

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(ask, range(1, 41))) == 820_000
    with urllib.request.urlopen(base + "/everyday.py", timeout=30) as answer:
        assert b"Handler" in answer.read()
    try:
        urllib.request.urlopen(base + "/missing", timeout=30)
        raise AssertionError("found what is not there")
    except urllib.error.HTTPError as error:
        assert error.code == 404
    server.shutdown()
    server.server_close()


def start_others():
    done = subprocess.run(["sh", "-c", "cat; echo more"], input=b"in ", capture_output=True, check=True)
    assert done.stdout == b"in more\n"
    slow = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    slow.terminate()
    assert slow.wait(30) == -signal.SIGTERM
    assert os.popen("echo popen").read() == "popen\n"
    with concurrent.futures.ProcessPoolExecutor(2, multiprocessing.get_context("fork")) as pool:
        assert list(pool.map(abs, range(-5, 0))) == [5, 4, 3, 2, 1]
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    child = context.Process(target=queue.put, args=("spawned",))
    child.start()
    assert queue.get(timeout=60) == "spawned"
    child.join()


def store():
    with sqlite3.connect("scratch/data.db") as db:
        db.execute("pragma journal_mode = wal")
        db.execute("create table item (id integer primary key, note text)")
        db.executemany("insert into item (note) values (?)", ((f"note {i}",) for i in range(5000)))
        db.commit()
        assert db.execute("select count(*) from item where note like '%9'").fetchone() == (500,)
        db.execute("delete from item")
        db.commit()
        db.execute("vacuum")
    with tempfile.TemporaryDirectory(dir="scratch") as where:
        path = os.path.join(where, "file")
        with open(path, "w+b") as file:
            file.write(zlib.compress(b"text" * 10_000))
            file.flush()
            os.fsync(file.fileno())
            with mmap.mmap(file.fileno(), 0) as mapped:
                assert zlib.decompress(mapped[:])[:4] == b"text"
        os.symlink("file", path + ".link")
        os.rename(path, path + ".new")
        os.chmod(path + ".new", 0o600)
        os.utime(path + ".new")
        os.truncate(path + ".new", 10)
        shutil.copy2(path + ".new", path)
        shutil.copytree(where, where + ".copy", symlinks=True)
        shutil.rmtree(where + ".copy")
        with zipfile.ZipFile(os.path.join(where, "z.zip"), "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(path, "file")
        assert len(os.listdir(where)) == 4 and len(list(os.scandir(where))) == 4


async def converse():
    async def answer(reader, writer):
        writer.write((await reader.readline()).upper())
        await writer.drain()
        writer.close()

    async def ask(port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"hello\n")
        line = await reader.readline()
        writer.close()
        await writer.wait_closed()
        return line

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        assert set(await asyncio.gather(*(ask(port) for _ in range(20)))) == {b"HELLO\n"}
    child = await asyncio.create_subprocess_exec("echo", "async", stdout=subprocess.PIPE)
    assert (await child.communicate())[0] == b"async\n"
    await asyncio.get_running_loop().run_in_executor(None, time.sleep, 0.01)
    woken = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, woken.set)
    os.kill(os.getpid(), signal.SIGUSR1)
    await asyncio.wait_for(woken.wait(), 30)


def speak_tls():
    context = ssl.create_default_context()
    assert context.verify_mode == ssl.CERT_REQUIRED
    plain, peer = socket.socketpair()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        plain.sendall(outgoing.read())
    assert peer.recv(1) == b"\x16"
    plain.close()
    peer.close()
    assert len(secrets.token_bytes(32)) == 32 and len(os.urandom(16)) == 16


def main():
    logging.basicConfig(filename="scratch/log", level=logging.INFO)
    assert any(found[4][0] == "127.0.0.1" for found in socket.getaddrinfo("localhost", 80))
    serve()
    start_others()
    store()
    asyncio.run(converse())
    speak_tls()
    print("done")


if __name__ == "__main__":
    main()
