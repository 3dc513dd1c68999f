"""The real binary as a test sees it: a child process, a data directory, an exit code.

    with Server(memory="64M") as server:
        Client(server.address).register()
        server.kill()
        server.start()

The port is never chosen here: the server binds port 0 and writes what it got into
`runtime/current_config.toml`, which is also how other people's harnesses find it.
"""

import ctypes
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("LEVRIERO", ROOT / "build/release/levriero"))
# Waits are for hangs. What a machine of 2026 does in a second may take a slow one, busy with
# sanitizers and other tests, three: every wait and deadline here is that much longer than it looks.
PATIENCE = 3
READY_SECONDS = 10 * PATIENCE
SLACK_BYTES = 16 << 20  # what may be resident beyond the plan (design: section 5)
# What a dying C program leaves on standard error, sanitizers included.
SCREAMS = re.compile(r"check failed|Sanitizer|runtime error:|stack smashing", re.I)

_libc = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


def raise_descriptor_limit():
    """As high as the machine allows; returns what a process may open."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def bytes_of(size):
    return int(size[:-1]) << {"K": 10, "M": 20, "G": 30}[size[-1]]


class Server:
    def __init__(self, cores=2, memory="256M", durability="sync", tcp="127.0.0.1:0", flags=(),
                 environment=None, data=None, config=None):
        self.scratch = Path(tempfile.mkdtemp(prefix="levriero-e2e-"))
        self.data = Path(data or self.scratch / "data")
        self.cores, self.memory, self.durability, self.tcp = cores, memory, durability, tcp
        self.flags, self.environment = list(flags), environment or {}
        if config is not None:
            self.use_config(config)
        self.process, self.address = None, None
        self.before_exec = lambda: None
        self.errors = self.scratch / "stderr"
        self.output = self.scratch / "stdout"

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.discard()

    def use_config(self, text):
        """From the next start on."""
        path = self.scratch / "levriero.toml"
        path.write_text(text)
        if "--config" not in self.flags:
            self.flags += ["--config", str(path)]

    def command(self):
        return [str(BINARY), "server", "--data", str(self.data), "--tcp", self.tcp,
                "--cores", str(self.cores), "--memory", self.memory,
                "--durability", self.durability, "--with-default-root-credentials", *self.flags]

    def launch(self):
        """Starts the process and returns at once: it may be about to refuse."""
        (self.data / "runtime/current_config.toml").unlink(missing_ok=True)
        environment = {key: value for key, value in os.environ.items()
                       if not key.startswith(("IGGY_", "LEVRIERO_"))}
        self.process = subprocess.Popen(
            self.command(), cwd=self.scratch, stdin=subprocess.DEVNULL,
            stdout=self.output.open("ab"), stderr=self.errors.open("ab"),
            env=environment | self.environment,
            preexec_fn=self._prepare)
        return self

    def _prepare(self):
        """In the child. A test run that is killed must not leave servers behind."""
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        self.before_exec()

    def start(self):
        self.launch()
        self.wait_ready()
        return self

    def wait_ready(self):
        end = time.monotonic() + READY_SECONDS
        config = self.data / "runtime/current_config.toml"
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended with {self.process.returncode}:"
                                     f"\n{self.story()}")
            self.address = self._bound_address(config)
            if self.address and self._answers():
                return
            time.sleep(0.005)
        raise AssertionError(f"the server is not ready after {READY_SECONDS} s:\n{self.story()}")

    @staticmethod
    def _bound_address(config):
        try:
            text = tomllib.loads(config.read_text())["tcp"]["address"]
        except (OSError, KeyError, tomllib.TOMLDecodeError):
            return None
        host, port = text.rsplit(":", 1)
        return (host.strip("[]"), int(port)) if int(port) else None

    def _answers(self):
        try:
            socket.create_connection(self.address, 1 * PATIENCE).close()
            return True
        except OSError:
            return False

    def wait_exit(self, seconds):
        """The exit code, or a failure if the process is still there."""
        seconds *= PATIENCE
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {seconds} s:\n{self.story()}") from None

    def stop(self):
        """SIGTERM; a server drains and ends within 5 s."""
        self.process.send_signal(signal.SIGTERM)
        code = self.wait_exit(5)
        if code != 0:
            raise AssertionError(f"SIGTERM ended in exit code {code}:\n{self.story()}")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10 * PATIENCE)

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def discard(self):
        if self.is_running():
            self.kill()
        shutil.rmtree(self.scratch, ignore_errors=True)

    def text(self):
        """Everything it ever said, on both streams."""
        return "".join(path.read_text(errors="replace") for path in (self.output, self.errors)
                       if path.exists())

    def story(self):
        return "\n".join("    | " + line for line in self.text().splitlines()[-25:])

    def screams(self):
        return SCREAMS.findall(self.text())

    def resident_bytes(self, key="VmRSS"):
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(key + ":"):
                return int(line.split()[1]) << 10
        raise AssertionError(f"no {key} for process {self.process.pid}")

    def peak_bytes(self):
        return self.resident_bytes("VmHWM")

    def allowed_bytes(self):
        """The plan and its slack; a sanitizer's own memory is nobody's plan."""
        program = BINARY.read_bytes()
        if b"__asan_init" in program or b"__tsan_init" in program:
            return 1 << 40
        return bytes_of(self.memory) + SLACK_BYTES

    def processor_ticks(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])
