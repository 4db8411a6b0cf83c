"""The programs at both ends: small but real servers and clients over the kernel's own TCP and UDP.

Servers run as threads; their sockets are made inside a node's network and stay there. Clients are
functions that open a socket inside a node, do one thing and return True if it worked.

What peers say is thin on purpose: HTTP is real HTTP, TLS is real TLS, FTP is real FTP; the products'
unpublished binary protocols are stood in for by a length-prefixed exchange of the same shape.
"""

import ftplib
import functools
import os
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time
from collections import namedtuple

SERVER_NAME = "backup.example"  # that clients ask for, in TLS and HTTP alike
GIVE_UP_S = 8.2       # long enough for SYN retries after 1, 3 and 7 seconds
CHUNK = 5000          # a transfer's unit: several full-size segments
CHUNK_EVERY_S = 0.05
MTPIP_REPEAT_S = 1.0  # a request is repeated about once a second
MTPIP_GIVE_UP_S = 8.0

# ---- what is said: a dialect turns (verb, path, body size) into bytes and knows where a head ends ----

Dialect = namedtuple("Dialect", "ask answer end")


def _http_ask(verb, path, size):
    body = f"Content-Length: {size}\r\n" if size else ""
    return (f"{verb} {path} HTTP/1.1\r\nHost: backup.example\r\nUser-Agent: BackupClient/4.2\r\n"
            f"{body}\r\n").encode()


def _http_answer(size, status="200 OK"):
    return (f"HTTP/1.1 {status}\r\nServer: BackupServer\r\nContent-Type: application/octet-stream\r\n"
            f"Content-Length: {size}\r\n\r\n").encode()


def _binary_ask(verb, path, size):
    text = f"{verb} {path} {size}".encode()
    return b"\x01\x00" + struct.pack("!H", len(text)) + text + b"\x00" * 48 + b"\n\n"


def _binary_answer(size, status="200 OK"):
    return b"\x02\x00" + struct.pack("!I", size) + status.encode() + b"\n\n"


def _smb_ask(verb, path, size):
    text = b"\xfeSMB" + bytes(60) + f" {verb} {path} {size}".encode() + b"\n\n"
    return struct.pack("!I", len(text)) + text


def _smb_answer(size, status="200 OK"):
    text = b"\xfeSMB" + bytes(60) + b" " + status.encode() + f" {size}".encode() + b"\n\n"
    return struct.pack("!I", len(text)) + text


DIALECTS = {
    "http": Dialect(_http_ask, _http_answer, b"\r\n\r\n"),
    "tls": Dialect(_http_ask, _http_answer, b"\r\n\r\n"),
    "tcp": Dialect(_binary_ask, _binary_answer, b"\n\n"),
    "smb": Dialect(_smb_ask, _smb_answer, b"\n\n"),
}


def make_certificate(folder, name="backup.example", issuer=None):
    """A self-signed certificate by the openssl command; returns the path of key and certificate."""
    path = os.path.join(folder, f"{name}.pem")
    subject = f"/O={issuer or name}/CN={name}"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", subject,
                    "-keyout", path + ".key", "-out", path + ".crt"], check=True, capture_output=True)
    with open(path, "wb") as out:
        for part in (".key", ".crt"):
            with open(path + part, "rb") as file:
                out.write(file.read())
    return path


CA_CONFIG = """[ca]
default_ca = own
[own]
database = {folder}/index
serial = {folder}/serial
new_certs_dir = {folder}
default_md = sha256
policy = any
[any]
organizationName = optional
commonName = supplied
"""


def make_expired_certificate(folder, name="backup.example"):
    """A self-signed certificate whose time is over."""
    folder = tempfile.mkdtemp(dir=folder)
    path, run = os.path.join(folder, name + ".pem"), functools.partial(subprocess.run, check=True, capture_output=True)
    for file, text in (("index", ""), ("serial", "01\n"), ("config", CA_CONFIG.format(folder=folder))):
        with open(os.path.join(folder, file), "w", encoding="ascii") as out:
            out.write(text)
    run(["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/O={name}/CN={name}", "-keyout", path + ".key",
         "-out", path + ".csr"])
    run(["openssl", "ca", "-batch", "-selfsign", "-notext", "-config", os.path.join(folder, "config"), "-keyfile",
         path + ".key", "-in", path + ".csr", "-out", path + ".crt", "-startdate", "20240101000000Z",
         "-enddate", "20250101000000Z"])
    with open(path, "wb") as out:
        for part in (".key", ".crt"):
            with open(path + part, "rb") as file:
                out.write(file.read())
    return path


def fingerprint(certificate):
    """SHA-256 of a certificate, as people compare it."""
    done = subprocess.run(["openssl", "x509", "-in", certificate, "-noout", "-fingerprint", "-sha256"], check=True,
                          capture_output=True, text=True)
    return done.stdout.strip().split("=")[1]


def make_issued_certificate(folder, authority, name="backup.example"):
    """A certificate as an inspecting device makes it: for somebody else's name, signed by an authority of its own."""
    path = os.path.join(tempfile.mkdtemp(dir=folder), f"{name}.pem")  # scenarios are played side by side
    root, leaf = path + ".ca", path + ".leaf"
    run = functools.partial(subprocess.run, check=True, capture_output=True)
    run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj",
         f"/O={authority}/CN={authority}", "-keyout", root + ".key", "-out", root])
    run(["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/O={name}/CN={name}", "-keyout", leaf + ".key",
         "-out", leaf + ".csr"])
    run(["openssl", "x509", "-req", "-in", leaf + ".csr", "-CA", root, "-CAkey", root + ".key", "-CAcreateserial",
         "-days", "30", "-out", leaf])
    with open(path, "wb") as out:
        for part in (leaf + ".key", leaf, root):
            with open(part, "rb") as file:
                out.write(file.read())
    return path


TLS_VERSIONS = {"1.1": ssl.TLSVersion.TLSv1_1, "1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def _unknown_name(*_):
    return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME


def tls_server(certificate, version="1.2", wants_certificate=False, refuses_name=False):
    """TLS 1.2 unless told otherwise: what the products of these profiles speak, and where the certificate can be
    seen. `wants_certificate`: of the client as well."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if version == "1.1":
        context.set_ciphers("ALL:@SECLEVEL=0")  # newer than that OpenSSL does not want it
    context.minimum_version = context.maximum_version = TLS_VERSIONS[version]
    context.load_cert_chain(certificate)
    if refuses_name:
        context.sni_callback = _unknown_name
    if wants_certificate:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(certificate)
    return context


def tls_client(trusted=None, version=None, checks_name=False):
    """A client that checks the certificate against the one it knows, or trusts any."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if version == "1.2":
        context.set_ciphers("ALL:@SECLEVEL=0")  # that a server of old can choose from
    if version:  # and no other, whatever the system's defaults are
        context.minimum_version = context.maximum_version = TLS_VERSIONS[version]
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED if trusted else ssl.CERT_NONE
    if trusted:
        context.load_verify_locations(trusted)
    context.check_hostname = checks_name
    return context


# ---- servers ----

def _read_until(conn, end, buffered=b""):
    while end not in buffered:
        data = conn.recv(65536)
        if not data:
            return None, b""
        buffered += data
    head, rest = buffered.split(end, 1)
    return head, rest


def _sink(conn, rest, size):
    left = size - len(rest)
    while left > 0:
        data = conn.recv(65536)
        if not data:
            return
        left -= len(data)


def _request(head):
    """(verb, path, body size) of either dialect."""
    words = head.split()
    start = next(i for i, word in enumerate(words) if word.endswith((b"GET", b"PUT")))
    size = 0
    if b"Content-Length:" in words:
        size = int(words[words.index(b"Content-Length:") + 1])
    elif start + 2 < len(words) and words[start + 2].rstrip(b"\0").isdigit():
        size = int(words[start + 2].rstrip(b"\0"))
    return words[start][-3:].decode(), words[start + 1].decode(), size


def _stream(conn, dialect, seconds):
    """A download that runs at a steady, modest rate."""
    chunks = int(seconds / CHUNK_EVERY_S)
    conn.sendall(dialect.answer(chunks * CHUNK))
    for _ in range(chunks):
        conn.sendall(os.urandom(CHUNK))
        time.sleep(CHUNK_EVERY_S)


def _serve_requests(conn, service):
    """Paths: /small, /size/BYTES, /stream/SECONDS, /slow/SECONDS; PUT takes a body first."""
    dialect, rest = DIALECTS[service.kind], b""
    while True:
        head, rest = _read_until(conn, dialect.end, rest)
        if head is None:
            return
        verb, path, size = _request(head)
        if verb == "PUT":
            _sink(conn, rest, size)
            rest = b""
        what, _, value = path.strip("/").partition("/")
        if what == "stream":
            _stream(conn, dialect, float(value))
            continue
        time.sleep(service.think_s + (float(value) if what == "slow" else 0))
        length = int(value) if what == "size" else 400
        conn.sendall(dialect.answer(length) + os.urandom(length))


def _abort_after_request(conn, service):
    """An application that refuses: it read what was asked and resets."""
    _read_until(conn, DIALECTS[service.kind].end)
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _refuse_at_once(conn, _service):
    """A product's own list of blocked addresses: accepted by the kernel, closed by the application."""
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _stay_silent(conn, _service):
    while conn.recv(65536):
        pass


def _block_page(conn, _service):
    """What a filter serves in the server's place."""
    _read_until(conn, b"\r\n\r\n")
    page = (b"<html><head><title>Access Denied</title></head><body><h1>Web Page Blocked</h1>"
            b"<p>Access to the page you requested has been blocked in accordance with company policy. "
            b"Category: Online Storage.</p></body></html>")
    conn.sendall(b"HTTP/1.1 403 Forbidden\r\nServer: FilterGate\r\nVia: 1.1 gateway\r\nContent-Type: text/html\r\n"
                 b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(page) + page)


def _portal(conn, _service):
    """A network that wants a login first: every request is sent to its own page."""
    _read_until(conn, b"\r\n\r\n")
    page = b"<html><head><title>Login</title></head><body>Please log in to use this network.</body></html>"
    conn.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://login.portal.example/?from=backup.example\r\n"
                 b"Content-Type: text/html\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(page) + page)


def _answer_with(head, body):
    """A server, or a box in its place, with one answer for everybody."""
    def talk(conn, _service):
        _read_until(conn, b"\r\n\r\n")
        conn.sendall(head.encode() + f"\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\n"
                     f"Connection: close\r\n\r\n{body}".encode())
    return talk


WISPR = ("<html><!-- <?xml version=\"1.0\"?><WISPAccessGatewayParam><Redirect><MessageType>100</MessageType></Redirect>"
         "</WISPAccessGatewayParam> --><body>Please log in.</body></html>")
ANSWERS = {
    "forbidden": _answer_with("HTTP/1.1 403 Forbidden\r\nServer: BackupServer", "This address is not allowed.\n"),
    "waf": _answer_with("HTTP/1.1 403 Forbidden\r\nServer: BackupServer",
                        "<html><title>FortiGuard Intrusion Prevention</title><body>Access blocked.</body></html>"),
    "block-page-via": _answer_with("HTTP/1.1 403 Forbidden\r\nVia: 1.1 gateway", "<html><body>No.</body></html>"),
    "proxy-login": _answer_with("HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=gateway",
                                "<html><body>Log in to the proxy.</body></html>"),
    "proxy-page": _answer_with("HTTP/1.1 403 Forbidden\r\nServer: squid/5.7\r\nX-Squid-Error: ERR_ACCESS_DENIED 0",
                               "<html><body>Access Denied.</body></html>"),
    "portal-wispr": _answer_with("HTTP/1.1 302 Found\r\nLocation: http://login.portal.example/", WISPR),
}


def _clear_answer(conn, _service):
    """A clear-text server that is spoken to in TLS."""
    conn.recv(65536)
    conn.sendall(b"HTTP/1.1 400 Bad Request\r\nServer: BackupServer\r\nContent-Length: 12\r\nConnection: close\r\n\r\n"
                 b"Bad Request\n")


def _ssh(conn, _service):
    """Another service than was asked for."""
    conn.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")
    conn.recv(65536)
    conn.sendall(b"Invalid SSH identification string.\r\n")
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _challenge(conn, service):
    """A product with a login: the first request is turned down, what follows is served."""
    _read_until(conn, b"\r\n\r\n")
    conn.sendall(b"HTTP/1.1 401 Unauthorized\r\nServer: BackupServer\r\nWWW-Authenticate: Basic realm=backup\r\n"
                 b"Content-Length: 6\r\n\r\nlogin\n")
    _serve_requests(conn, service)


def _reset_after(conn, service):
    """The whole answer, then a reset in place of a close: ugly and harmless."""
    dialect = DIALECTS[service.kind]
    if _read_until(conn, dialect.end)[0] is not None:
        conn.sendall(dialect.answer(400) + os.urandom(400))
        time.sleep(0.3)
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


BEHAVIOURS = {"serve": _serve_requests, "abort": _abort_after_request, "refuse": _refuse_at_once,
              "silent": _stay_silent, "block-page": _block_page, "portal": _portal, "challenge": _challenge,
              "clear": _clear_answer, "ssh": _ssh, **ANSWERS,
              "reset-after": _reset_after}


class Server:
    """A listening TCP service; `stop()` closes the listener and every open connection."""

    def __init__(self, node, kind, port, behaviour="serve", certificate=None, think_s=0.002, address=None, tls=None):
        self.kind, self.port, self.think_s = kind, port, think_s
        self.behaviour = BEHAVIOURS[behaviour]
        self.tls = tls_server(certificate, **(tls or {})) if kind == "tls" else None
        family = socket.AF_INET6 if address and ":" in address else socket.AF_INET
        with node:
            self.listener = socket.socket(family, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((address or "0.0.0.0", port))
        self.listener.listen(64)
        self.connections = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            self.connections.append(conn)
            threading.Thread(target=self._talk, args=(conn,), daemon=True).start()

    def _talk(self, conn):
        try:
            if self.tls:
                conn = self.tls.wrap_socket(conn, server_side=True)
                self.connections.append(conn)
            self.behaviour(conn, self)
        except (OSError, ValueError, StopIteration):
            pass
        finally:
            conn.close()

    def stop(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)  # wakes the thread in accept(), which keeps the port
        except OSError:
            pass
        self.listener.close()
        for conn in self.connections:
            conn.close()


class InterceptingProxy:
    """A transparent proxy that opens TLS: it connects to the server that the client meant, and shows the client a
    certificate of its own making. Clear requests are passed on over the connection to the server."""

    ORIGINAL_DESTINATION = 80  # SO_ORIGINAL_DST, linux/netfilter_ipv4.h

    def __init__(self, node, port, certificate, tls=None, others=None):
        """`others`: address -> certificate, for servers that are not the one of the scenario."""
        self.node, self.tls = node, tls_server(certificate, **(tls or {}))
        self.others = {address: tls_server(other) for address, other in (others or {}).items()}
        with node:
            self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("0.0.0.0", port))
        self.listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(conn,), daemon=True).start()

    def _talk(self, conn):
        server = None
        try:
            port, address = struct.unpack("!2xH4s8x", conn.getsockopt(socket.SOL_IP, self.ORIGINAL_DESTINATION, 16))
            address = socket.inet_ntoa(address)
            server = connect(self.node, address, port)
            server = tls_client().wrap_socket(server)
            conn = self.others.get(address, self.tls).wrap_socket(conn, server_side=True)
            while True:
                head, rest = _read_until(conn, b"\r\n\r\n")
                if head is None:
                    return
                server.sendall(head + b"\r\n\r\n" + rest)
                conn.sendall(server.recv(65536))
        except (OSError, ValueError, AttributeError):
            pass
        finally:
            conn.close()
            if server:
                server.close()

    def stop(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()


class HungServer:
    """Listens, never accepts, and its queue is or gets full: SYNs fall on the floor, as a stuck process lets them."""

    def __init__(self, node, port, room=0):
        """`room`: how many clients it still takes; with none of them its queue is full from the start."""
        node.set("net.ipv4.tcp_syncookies", 0)
        with node:
            self.listener = socket.socket()
            self.fillers = [] if room else [socket.socket() for _ in range(2)]
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("0.0.0.0", port))
        self.listener.listen(max(0, room - 1))
        for filler in self.fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
            time.sleep(0.05)

    def stop(self):
        for each in (*self.fillers, self.listener):
            each.close()


MTPIP_HEAD = struct.Struct("!4sIII")  # magic, transaction, block, size


class MtpipServer:
    """A datagram service: every request gets its answer, a block of the size asked for."""

    def __init__(self, node, port, address="0.0.0.0", silent=False, answer_from=None):
        self.silent, self.way_out = silent, None
        if answer_from:
            with node:
                self.way_out = socket.socket(socket.AF_INET6 if ":" in answer_from else socket.AF_INET, socket.SOCK_DGRAM)
            self.way_out.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.way_out.bind((answer_from, port))
            address = node.addresses["eth0"]
        with node:
            self.socket = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, port))
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                data, peer = self.socket.recvfrom(4096)
            except OSError:
                return
            if len(data) >= MTPIP_HEAD.size and not self.silent:
                _, transaction, block, size = MTPIP_HEAD.unpack_from(data)
                (self.way_out or self.socket).sendto(MTPIP_HEAD.pack(b"MTPr", transaction, block, size) + os.urandom(size), peer)

    def stop(self):
        self.socket.close()


class FtpServer:
    """Control on 21; passive and active data connections. `announce` is the address that PASV tells:
    behind a NAT without FTP support that is the private one."""

    def __init__(self, node, port=21, announce=None, passive_ports=(50000, 50020), certificate=None, family=4,
                 tls=None):
        self.node, self.announce = node, announce
        self.family = socket.AF_INET6 if family == 6 else socket.AF_INET
        self.anywhere = "::" if family == 6 else "0.0.0.0"
        self.tls = tls_server(certificate, **(tls or {})) if certificate else None
        self.ports = list(range(*passive_ports))
        with node:
            self.listener = socket.socket(self.family)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((self.anywhere, port))
        self.listener.listen(16)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(conn,), daemon=True).start()

    def _open_passive(self):
        with self.node:
            waiting = socket.socket(self.family)
        waiting.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        waiting.bind((self.anywhere, self.ports.pop(0)))
        waiting.listen(1)
        waiting.settimeout(GIVE_UP_S)
        return waiting

    def _connect_active(self, address):
        with self.node:
            data = socket.socket(self.family)
        data.settimeout(GIVE_UP_S)
        data.connect(address)
        return data

    def _data(self, passive, active):
        return passive.accept()[0] if passive else self._connect_active(active)

    def _talk(self, conn):
        passive = active = lines = None

        def say(text):
            conn.sendall(text.encode() + b"\r\n")

        fixed = {"PBSZ": "200 ok", "PROT": "200 ok", "USER": "331 password please", "PASS": "230 logged in", "TYPE": "200 ok", "SYST": "215 UNIX",
                 "CWD": "250 ok", "PWD": '257 "/"', "NOOP": "200 ok"}
        say("220 transfer service ready")
        try:
            lines = conn.makefile("r")
            while line := lines.readline():
                if line.startswith("AUTH TLS") and self.tls:
                    say("234 go on in TLS")
                    conn = self.tls.wrap_socket(conn, server_side=True)
                    lines = conn.makefile("r")
                    continue
                else:
                    verb, _, rest = line.strip().partition(" ")
                    if verb in fixed:
                        say(fixed[verb])
                    elif verb in ("PASV", "EPSV"):
                        passive = self._open_passive()
                        port = passive.getsockname()[1]
                        host = (self.announce or conn.getsockname()[0]).replace(".", ",")
                        say(f"227 Entering Passive Mode ({host},{port >> 8},{port & 255})" if verb == "PASV"
                            else f"229 Entering Extended Passive Mode (|||{port}|)")
                    elif verb == "PORT":
                        numbers = rest.split(",")
                        active = (".".join(numbers[:4]), int(numbers[4]) * 256 + int(numbers[5]))
                        say("200 ok")
                    elif verb == "EPRT":
                        _, _, host, port, _ = rest.split("|")
                        active = (host, int(port))
                        say("200 ok")
                    elif verb in ("LIST", "RETR", "STOR"):
                        say("150 opening data connection")
                        try:
                            with self._data(passive, active) as data:
                                data.sendall(os.urandom(6000))
                            say("226 done")
                        except OSError:
                            say("425 cannot open data connection")
                    elif verb == "QUIT":
                        say("221 bye")
                        return
                    else:
                        say("502 not implemented")
        except (OSError, ValueError, IndexError):
            pass
        finally:
            conn.close()

    def stop(self):
        self.listener.close()


# ---- clients ----

def connect(node, address, port, timeout=GIVE_UP_S, source_port=None, source=None):
    """A connected TCP socket, or None after `timeout`, as an application gives up."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with node:
        sock = socket.socket(family, socket.SOCK_STREAM)
    sock.settimeout(timeout)
    if source_port or source:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((source or ("::" if family == socket.AF_INET6 else "0.0.0.0"), source_port or 0))
    try:
        sock.connect((address, port))
        return sock
    except OSError:
        sock.close()
        return None


def _read_answer(sock, kind):
    head, rest = _read_until(sock, DIALECTS[kind].end)
    if head is None:
        return False
    if kind in ("http", "tls"):
        size = int(head.lower().split(b"content-length:")[1].split()[0])
    elif kind == "tcp":
        size = struct.unpack("!I", head[2:6])[0]
    else:
        size = int(head.split()[-1])
    _sink(sock, rest, size)
    return True


class Session:
    """A client's connection that can ask more than once."""

    def __init__(self, node, kind, address, port, timeout=GIVE_UP_S, trusted=None, tls_version=None, expects=None,
                 server_name=SERVER_NAME, **options):
        self.kind = kind
        self.sock = connect(node, address, port, timeout, **options)
        self.ok = self.sock is not None
        if self.ok and kind == "tls":
            try:
                context = tls_client(trusted, tls_version, checks_name=expects is not None)
                self.sock = context.wrap_socket(self.sock, server_hostname=expects or server_name)
            except OSError:
                self.sock.close()
                self.ok = False

    def ask(self, path="/small", verb="GET", body=0, paced=False, every=CHUNK_EVERY_S):
        """One request and its whole answer."""
        if not self.ok:
            return False
        try:
            self.sock.sendall(DIALECTS[self.kind].ask(verb, path, body))
            for start in range(0, body, CHUNK):
                self.sock.sendall(os.urandom(min(CHUNK, body - start)))
                time.sleep(every if paced else 0)
            return _read_answer(self.sock, self.kind)
        except (OSError, IndexError, ValueError):
            return False

    def send(self, path):
        """A request whose answer nobody waits for."""
        self.sock.sendall(DIALECTS[self.kind].ask("GET", path, 0))

    def close(self, reset=False):
        if self.sock and reset:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if self.sock:
            self.sock.close()


def ping(node, address, count=3):
    """Whether the address answers echo requests."""
    command = ["ping", "-n", "-q", "-c", str(count), "-i", "0.5", "-W", "1", address]
    with node:  # a child is born into the network of the thread that makes it
        return subprocess.run(command, capture_output=True).returncode == 0


def fetch(node, kind, address, port, path="/small", requests=1, **options):
    """Connect, ask `requests` times, close: what a healthy exchange looks like."""
    session = Session(node, kind, address, port, **options)
    worked = session.ok and all(session.ask(path) for _ in range(requests))
    session.close()
    return worked


def mtpip(node, address, port, give_up=MTPIP_GIVE_UP_S, blocks=1, size=200, heed_icmp=False, every=CHUNK_EVERY_S,
          patience=3600):
    """Ask for blocks one after another; repeat an unanswered request once a second, then give up."""
    with node:
        sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect((address, port))
    transaction = int.from_bytes(os.urandom(4), "big")
    deadline = time.monotonic() + patience
    try:
        for block in range(blocks):
            if time.monotonic() > deadline or not _mtpip_block(sock, MTPIP_HEAD.pack(b"MTPq", transaction, block, size), give_up, heed_icmp):
                return False
            time.sleep(every)
        return True
    finally:
        sock.close()


def _mtpip_block(sock, request, give_up, heed_icmp):
    deadline = time.monotonic() + give_up
    while time.monotonic() < deadline:
        repeat = time.monotonic() + MTPIP_REPEAT_S
        try:
            sock.send(request)
        except ConnectionError:
            if heed_icmp:
                return False
        while (left := repeat - time.monotonic()) > 0:
            sock.settimeout(left)
            try:
                if sock.recv(4096)[:4] == b"MTPr":
                    return True
            except TimeoutError:
                break
            except OSError:
                if heed_icmp:
                    return False
    return False


class Vsftpd:
    """vsftpd as its package brings it, for anonymous readers. It announces the address that it is told."""

    SETTINGS = {"listen": "YES", "background": "NO", "anonymous_enable": "YES", "no_anon_password": "YES",
                "local_enable": "NO", "ftp_username": "daemon", "seccomp_sandbox": "NO", "xferlog_enable": "NO"}

    def __init__(self, node, folder, port=21, announce=None, passive_ports=(50000, 50020)):
        work = tempfile.mkdtemp(prefix="vsftpd-", dir=folder)
        for name in ("public", "empty"):
            os.mkdir(os.path.join(work, name), 0o555)
        os.chmod(work, 0o755)
        settings = {**self.SETTINGS, "listen_port": port, "anon_root": os.path.join(work, "public"),
                    "secure_chroot_dir": os.path.join(work, "empty"), "pasv_min_port": passive_ports[0],
                    "pasv_max_port": passive_ports[1], **({"pasv_address": announce} if announce else {})}
        with open(os.path.join(work, "vsftpd.conf"), "w", encoding="ascii") as file:
            file.writelines(f"{name}={value}\n" for name, value in settings.items())
        self.process = node.start(["vsftpd", file.name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._wait(node, port)

    def _wait(self, node, port):
        for _ in range(50):
            with node:
                probe = socket.socket()
            try:
                probe.connect(("127.0.0.1", port))
                return
            except OSError:
                time.sleep(0.1)
            finally:
                probe.close()
        raise RuntimeError("vsftpd does not listen")

    def stop(self):
        self.process.terminate()


class _FtpTls(ftplib.FTP_TLS):
    """FTP over TLS that takes any certificate, as many products do."""

    def __init__(self, version=None, **options):
        super().__init__(context=tls_client(version=version), **options)


def ftp(node, address, port=21, passive=True, timeout=6, trust_announced=True, encrypted=False,
        user="backup", tls_version=None):
    """Log in and list a folder over a data connection."""
    with node:
        try:
            session = _FtpTls(tls_version, timeout=timeout) if encrypted else ftplib.FTP(timeout=timeout)
            session.connect(address, port)
            session.login(user, "secret")
            session.trust_server_pasv_ipv4_address = trust_announced
            session.set_pasv(passive)
            session.retrbinary("LIST", lambda block: None)
            session.quit()
            return True
        except (OSError, EOFError, ftplib.Error):
            return False
