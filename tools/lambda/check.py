"""Runs a Lambda function's zip in a root that holds nothing else: check.py ZIP FOLDER [--example]

What plays Lambda and AWS is outside of that root: the Runtime API, MiniStack, a name server, and TLS in front of
MiniStack. The network is loopback alone (check.sh sees to that). Says what it saw; exits 1 where something is wrong.
"""

import fcntl
import os
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
import zipfile

from host import EventSource, Function, RuntimeApi, fail, run_example, run_fanfold, start_ministack

HOST = "aws.fanfold.test"
SCHEDULED = {"version": "0", "source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}
EXAMPLE_BYTES_MAX = 8_000_000
CERTIFICATES = "/etc/pki/tls/certs/ca-bundle.crt"  # Where provided.al2023 has them.


def raise_loopback():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sH14x", b"lo", 0x41))  # SIOCSIFFLAGS, IFF_UP | IFF_RUNNING


class NameServer:
    """Knows one name, on the port where every program asks."""

    def __init__(self):
        self.questions = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 53))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            question, sender = self.socket.recvfrom(512)
            end, labels = 12, []
            while question[end]:
                labels.append(question[end + 1 : end + 1 + question[end]].decode())
                end += question[end] + 1
            kind = struct.unpack(">H", question[end + 1 : end + 3])[0]
            name = ".".join(labels)
            self.questions.append(name)
            answer = b""
            if name == HOST and kind == 1:
                answer = b"\xc0\x0c" + struct.pack(">HHIH4B", 1, 1, 60, 4, 127, 0, 0, 1)
            code = 0x8580 if name == HOST else 0x8583
            head = question[:2] + struct.pack(">HHHHH", code, 1, 1 if answer else 0, 0, 0)
            self.socket.sendto(head + question[12 : end + 5] + answer, sender)


class TlsFront:
    """Ends TLS and hands the bytes on."""

    def __init__(self, folder, target_port):
        self.target_port = target_port
        self.handshakes = 0
        self.authority = folder + "/authority.pem"
        key, request, certificate = (folder + name for name in ("/key.pem", "/request.pem", "/certificate.pem"))
        make = (
            f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=authority"
            f" -keyout {folder}/authority.key -out {self.authority} &&"
            f" openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN={HOST}"
            f" -addext subjectAltName=DNS:{HOST} -keyout {key} -out {request} &&"
            f" openssl x509 -req -in {request} -CA {self.authority} -CAkey {folder}/authority.key -CAcreateserial"
            f" -days 2 -copy_extensions copy -out {certificate}"
        )
        subprocess.run(make, shell=True, check=True, stderr=subprocess.DEVNULL)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, plain):
        try:
            client = self.context.wrap_socket(plain, server_side=True)
        except (ssl.SSLError, OSError):
            return
        self.handshakes += 1
        server = socket.create_connection(("127.0.0.1", self.target_port))
        threading.Thread(target=self.copy, args=(server, client), daemon=True).start()
        self.copy(client, server)

    @staticmethod
    def copy(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def unpack(zip_path, root):
    """As Lambda does, with the modes that the zip says."""
    task_root = root + "/var/task"
    os.makedirs(task_root)
    with zipfile.ZipFile(zip_path) as archive:
        for entry in archive.infolist():
            path = archive.extract(entry, task_root)
            if not entry.is_dir():
                os.chmod(path, entry.external_attr >> 16 & 0o777)
    bootstrap = task_root + "/bootstrap"
    if not os.access(bootstrap, os.X_OK):
        fail("the zip has no program called bootstrap")
    size = os.path.getsize(bootstrap)
    print(f"bootstrap: {size / 1e6:.2f} MB, the zip {os.path.getsize(zip_path) / 1e6:.2f} MB")
    return size


def put(root, path, text):
    os.makedirs(os.path.dirname(root + path), exist_ok=True)
    with open(root + path, "w", encoding="utf-8") as file:
        file.write(text)


def sweep(root, api, variables, expected):
    """One start of the function and one scheduled event: it sweeps, which asks DynamoDB."""
    with Function(["/var/task/bootstrap"], api, variables, root=root) as function:
        answer = api.invoke(SCHEDULED)
        if (not answer.is_error) != (expected is None) or (expected or "clusters") not in answer.body:
            fail(f"a scheduled event was answered by {answer.body}; the function's log:\n{function.log()}")


def main():
    zip_path, folder, *flags = sys.argv[1:]
    raise_loopback()
    root = folder + "/root"
    size = unpack(zip_path, root)
    if "--example" in flags and size > EXAMPLE_BYTES_MAX:
        fail(f"it has {size} bytes, more than {EXAMPLE_BYTES_MAX}")
    api = RuntimeApi()
    ministack = start_ministack(folder)
    plain = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{ministack.port}", "FANFOLD_BUCKET": "functions"}
    run_fanfold(ministack.variables | plain, "setup", "aws", "--queue", "pictures")

    started = time.monotonic()
    with Function(["/var/task/bootstrap"], api, ministack.variables | plain, root=root) as function:
        api.wait_for_poll()
        print(f"asked for its first event {1000 * (time.monotonic() - started):.0f} ms after its start")
        answer = api.invoke({"Records": []})
        if answer.body != '{"batchItemFailures":[]}':
            fail(f"an empty event was answered by {answer.body}")
        answer = api.invoke({"no": "event"})
        if not answer.is_error or "fanfold.bad_input" not in answer.body:
            fail(f"what is no event was answered by {answer.body}")
        answer = api.invoke(SCHEDULED)
        if answer.is_error:
            fail(f"a scheduled event was answered by {answer.body}")
        if "--example" in flags:
            run_example(folder, function, api, ministack.variables | plain, EventSource(ministack, "pictures"))
        function.process.send_signal(signal.SIGTERM)
        if function.process.wait(10) != 0:
            fail(f"SIGTERM ended it with {function.process.returncode}")
    print("ran in a root with nothing but the zip, and ended at SIGTERM")

    names, front = NameServer(), TlsFront(folder, ministack.port)
    secure = plain | {"AWS_ENDPOINT_URL": f"https://{HOST}:{front.port}", "AWS_MAX_ATTEMPTS": "1"}
    put(root, "/etc/resolv.conf", "nameserver 127.0.0.1\n")
    put(root, "/etc/nsswitch.conf", "hosts: resolve myhostname\n")  # Of the machine's glibc, not to be loaded.
    sweep(root, api, ministack.variables | secure, "CA bundle")
    if front.handshakes:
        fail("it trusts a server without knowing any authority")
    with open(front.authority, encoding="utf-8") as file:
        certificate = file.read()
    put(root, CERTIFICATES, certificate)
    sweep(root, api, ministack.variables | secure, None)
    if HOST not in names.questions or not front.handshakes:
        fail("DNS or TLS was not used")
    print(f"found {HOST} by DNS, and trusted its certificate by {CERTIFICATES}")

    os.remove(root + CERTIFICATES)
    put(root, "/tmp/own.pem", certificate)
    sweep(root, api, ministack.variables | secure | {"AWS_CA_BUNDLE": "/tmp/own.pem"}, None)
    print("trusted it by AWS_CA_BUNDLE")


main()
