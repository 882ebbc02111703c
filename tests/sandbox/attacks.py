"""Tries to get out, or to take more than is given. Prints of each attack whether it works.

attacks.py PORT ABSTRACT-SOCKET ENGINE-SOCKET SECRET-FILE PROCESS [ATTACK...]
"""
import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time

port, abstract, engine, secret, process = int(sys.argv[1]), *sys.argv[2:5], int(sys.argv[5])
libc = ctypes.CDLL(None, use_errno=True)


def call(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused")


def connect(family, address, kind=socket.SOCK_STREAM):
    with socket.socket(family, kind) as client:
        client.settimeout(10)
        client.connect(address)


def network_v4():
    connect(socket.AF_INET, ("127.0.0.1", port))


def network_v6():
    connect(socket.AF_INET6, ("::1", port))


def datagram():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(b"x", ("192.0.2.1", 53))


def name_server():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(10)
        # So that a refusal is told.
        client.connect(("127.0.0.1", port))
        client.send(b"\0\1\1\0\0\1\0\0\0\0\0\0\7example\7invalid\0\0\1\0\1")
        client.recv(512)


def abstract_socket():
    connect(socket.AF_UNIX, "\0" + abstract)


def engine_socket():
    connect(socket.AF_UNIX, engine)


def write(path):
    with open(path, "wb") as file:
        file.write(b"x")


def write_root():
    write("/attack")


def write_where_everybody_may():
    write("/open/attack")


def write_programs():
    write("/usr/bin/attack")


def write_users():
    with open("/etc/passwd", "ab"):
        pass


def write_settings():
    with open("/proc/sys/kernel/core_pattern", "ab"):
        pass


def become_root():
    os.setuid(0)


def setuid_program():
    if subprocess.check_output(["/bin/suid-id", "-u"]).strip() != b"0":
        raise OSError("not root")


def capabilities():
    with open("/proc/self/status") as status:
        sets = [line.split()[1] for line in status if line.startswith("Cap")]
    if not any(int(each, 16) for each in sets):
        raise OSError("none")


def mount():
    os.makedirs("/tmp/mount", exist_ok=True)
    call(libc.mount(b"tmpfs", b"/tmp/mount", b"tmpfs", 0, None))


def chroot():
    if os.fork() == 0:
        try:
            os.chroot("/tmp")
            os._exit(0)
        except OSError:
            os._exit(1)
    if os.wait()[1] != 0:
        raise OSError("refused")


def user_namespace():
    child = os.fork()
    if child == 0:
        os._exit(0 if libc.unshare(0x10000000) == 0 else 1)
    if os.waitpid(child, 0)[1] != 0:
        raise OSError("refused")


def keyring():
    call(libc.syscall(250, 0, -4, 1))


def device():
    os.mknod("/tmp/device", 0o20666, os.makedev(1, 5))


def clock():
    time.clock_settime(time.CLOCK_REALTIME, time.clock_gettime(time.CLOCK_REALTIME))


def other_processes():
    secrets = []
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{process}/environ", "rb") as environment:
                secrets += [1] if b"FIX_TEST_SECRET" in environment.read() else []
        except OSError:
            pass
    if not secrets:
        raise OSError("not seen")


def trace():
    child = os.fork()
    if child == 0:
        os._exit(0 if libc.ptrace(0x4206, process, None, None) == 0 else 1)
    if os.waitpid(child, 0)[1] != 0:
        raise OSError("refused")


def home():
    with open(secret, "rb") as file:
        file.read()


def environment():
    os.environ["CARGO_MANIFEST_DIR"]


def process_bomb():
    children = []
    try:
        for _ in range(80):
            child = os.fork()
            if child == 0:
                time.sleep(60)
                os._exit(0)
            children.append(child)
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def thread_bomb():
    go = threading.Event()
    threads = []
    try:
        for _ in range(80):
            threads.append(threading.Thread(target=go.wait))
            threads[-1].start()
    finally:
        go.set()


def fill(folder, files=6, size=8 << 20):
    os.makedirs(folder, exist_ok=True)
    made = []
    try:
        for number in range(files):
            made.append(f"{folder}/fill-{number}")
            with open(made[-1], "wb") as file:
                file.write(b"x" * size)
    finally:
        for path in made:
            if os.path.exists(path):
                os.remove(path)


def fill_work():
    fill("/work/home")


def fill_tree():
    fill("/work/tree")


def fill_tmp():
    fill("/tmp")


def fill_shared_memory():
    fill("/dev/shm", files=12)


def fill_inodes():
    fill("/work/home", files=12_000, size=0)


def large_file():
    fill("/work/home", files=1, size=20 << 20)


def descriptors():
    opened = []
    try:
        for _ in range(300):
            opened.append(os.open("/", os.O_RDONLY))
    finally:
        for descriptor in opened:
            os.close(descriptor)


attacks = [
    network_v4, network_v6, datagram, name_server, abstract_socket, engine_socket, write_root, write_where_everybody_may,
    write_programs, write_users, write_settings, become_root, setuid_program, capabilities, mount, chroot, user_namespace, keyring, device, clock,
    other_processes, trace, home, environment, process_bomb, thread_bomb, fill_work, fill_tree, fill_tmp, fill_shared_memory,
    fill_inodes, large_file, descriptors,
]
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
for attack in attacks:
    if sys.argv[6:] and attack.__name__ not in sys.argv[6:]:
        continue
    try:
        attack()
        print("works:", attack.__name__, flush=True)
    except (OSError, RuntimeError, KeyError, subprocess.SubprocessError) as error:
        print("held:", attack.__name__, repr(error), flush=True)
