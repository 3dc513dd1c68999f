"""What the crash tests stand on: a server that can be killed, a disk that remembers, and the tally.

The C programs beside this file do the work (load, verdict, logdisk, disk_replay); this only starts
them in the right order and cleans up whatever happens.
"""

import argparse
import contextlib
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent

# Waits are for hangs, not for slow machines.
START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 30
DISK_SECONDS_MAX = 60
ADDRESS = re.compile(r'\[tcp\][^\[]*?address\s*=\s*"127\.0\.0\.1:(\d+)"')
# A healthy server complains of nothing: a line like this after a crash is a finding.
COMPLAINT = re.compile(r"\b(error|damaged?|rot|rotten|read-only|corrupt\w*|check failed)\b", re.I)


class Broken(Exception):
    """A promise is broken, or the server does what it must not."""


class Skipped(Exception):
    """This machine does not offer what the test needs."""


class Tools:
    """The programs under test and those that test."""

    def __init__(self, build, server):
        self.build = pathlib.Path(build)
        self.server = [str(part) for part in server]
        self.load = str(self.build / "load")
        self.verdict = str(self.build / "verdict")
        self.logdisk = str(self.build / "logdisk")
        self.replay = str(self.build / "disk_replay")
        self.toy = str(self.build / "toy_server")


def arguments(description, **extra):
    parser = argparse.ArgumentParser(description=description)
    release = ROOT / "build" / "release"
    tools = release / "tests" / "crash"
    seed = int(os.environ.get("SEED") or 0) or random.randrange(1, 1 << 31)
    parser.add_argument("--build", default=tools, help="where load, verdict and logdisk are")
    parser.add_argument("--server", default=release / "levriero", help="the server's binary")
    parser.add_argument("--seed", type=int, default=seed, help="also from the environment: SEED")
    parser.add_argument("--keep", default=ROOT / "build" / "crash", help="for what failures leave")
    for name, (kind, default, text) in extra.items():
        parser.add_argument("--" + name, type=kind, default=default, help=text)
    options = parser.parse_args()
    options.tools = Tools(options.build, [options.server])
    return options


def run(command, check=True, quiet=True):
    result = subprocess.run(command, capture_output=quiet, text=True)
    if check and result.returncode != 0:
        output = result.stdout + result.stderr
        raise RuntimeError(f"{' '.join(command)}: exit {result.returncode}: {output}")
    return result


class Server:
    """One run of a server over a data directory, from start to its end by signal."""

    def __init__(self, tools, data, log, cores=2, level="sync", direct=True, extra=(),
                 reserve="8 MiB"):
        self.log = pathlib.Path(log)
        config = pathlib.Path(data) / "runtime" / "current_config.toml"
        with contextlib.suppress(OSError):
            config.unlink()
        command = tools.server + ["server", "--data", str(data), "--tcp", "127.0.0.1:0"]
        command += ["--cores", str(cores), "--with-default-root-credentials"]
        command += ["--durability", level, *extra]
        with open(self.log, "ab") as output:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output,
                                            stderr=output, env=self._environment(direct, reserve))
        self.config = config

    @staticmethod
    def _environment(direct, reserve):
        """The disks of these tests are small: most of one may be filled."""
        settings = {"LEVRIERO_DISK_RESERVE": reserve}
        settings["LEVRIERO_DURABILITY_DIRECT"] = "true" if direct else "false"
        return {**os.environ, **settings}

    def port(self):
        """Waits until the server listens, and tells where."""
        end = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < end:
            if self.process.poll() is not None:
                code = self.process.returncode
                raise Broken(f"the server ended with {code} at its start:\n{self.log_tail()}")
            with contextlib.suppress(OSError):
                found = ADDRESS.search(self.config.read_text())
                if found:
                    return int(found.group(1))
            time.sleep(0.005)
        self.kill()
        raise Broken(f"not ready within {START_SECONDS_MAX} s:\n{self.log_tail()}")

    def kill(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def must_be_alive(self):
        if self.process.poll() is not None:
            code = self.process.returncode
            raise Broken(f"the server ended by itself with {code}:\n{self.log_tail()}")

    def stop(self):
        """Ends the server as an operator does, and insists that it obeys."""
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout=STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Broken(f"the server did not end within {STOP_SECONDS_MAX} s of SIGTERM")
        if code != 0:
            raise Broken(f"the server ended with {code} after SIGTERM:\n{self.log_tail()}")

    def log_tail(self):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])

    def must_not_complain(self):
        lines = self.log.read_text(errors="replace").splitlines()
        complaints = [line for line in lines if COMPLAINT.search(line)]
        if complaints:
            raise Broken("the server complains:\n" + "\n".join(complaints[:10]))


def verdict(tools, port, marks, ledger=None, append=True):
    command = [tools.verdict, "--port", str(port), "--marks", str(marks)]
    command += ["--ledger", str(ledger)] if ledger else []
    command += ["--append"] if append else []
    result = run(command, check=False)
    if result.returncode != 0:
        raise Broken((result.stderr + result.stdout).strip())
    return result.stdout.strip()


def load_start(tools, port, marks, seconds, seed, *options):
    command = [tools.load, "--port", str(port), "--marks", str(marks)]
    command += ["--seconds", str(seconds), "--seed", str(seed), *map(str, options)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def load_end(process, may_lose=False):
    """Waits for a load; it may lose connections only where the server was killed or crippled."""
    try:
        output, errors = process.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        process.kill()
        output, errors = process.communicate()
        raise Broken(f"the load does not end:\n{errors}{output}".strip())
    allowed = (0, 3) if may_lose else (0,)
    if process.returncode not in allowed:
        raise Broken((errors + output).strip())
    return output.strip()


def disk_skip_reason():
    """Why a disk that remembers cannot be had here, or None."""
    if os.geteuid() != 0:
        return "not root"
    if not os.path.exists("/dev/fuse"):
        return "no /dev/fuse"
    if not os.path.exists("/dev/loop-control"):
        return "no loop devices"
    for program in ("mkfs.ext4", "losetup", "mount", "fusermount3"):
        if shutil.which(program) is None:
            return f"no {program}"
    return None


class Loop:
    """A file as a mounted ext4, on a disk with sectors of this size."""

    def __init__(self, image, mount, make=False, sector=512):
        self.mount = pathlib.Path(mount)
        self.mount.mkdir(exist_ok=True)
        attach = ["losetup", "-f", "--show", "--sector-size", str(sector)]
        direct = run([*attach, "--direct-io=on", str(image)], check=False)
        if direct.returncode != 0:
            direct = run([*attach, str(image)], check=False)
        if direct.returncode != 0:
            raise Skipped(f"no loop device over it: {direct.stderr.strip()}")
        self.device = direct.stdout.strip()
        self.is_mounted = False
        try:
            if make:
                options = "nodiscard,lazy_itable_init=0,lazy_journal_init=0"
                run(["mkfs.ext4", "-q", "-b", "4096", "-m", "0", "-E", options, self.device])
            run(["mount", "-t", "ext4", "-o", "noatime", self.device, str(self.mount)])
            self.is_mounted = True
        except BaseException:
            self.close()
            raise

    def close(self):
        for _ in range(DISK_SECONDS_MAX * 10):
            if not self.is_mounted or run(["umount", str(self.mount)], check=False).returncode == 0:
                self.is_mounted = False
                break
            time.sleep(0.1)
        run(["losetup", "-d", self.device], check=False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class LogDisk:
    """An ext4 whose disk remembers every write and flush in `log`. `base`: begins as this image."""

    def __init__(self, tools, directory, megabytes, sector=512, base=None):
        reason = disk_skip_reason()
        if reason:
            raise Skipped(reason)
        if not os.path.exists(tools.logdisk):
            raise Skipped("logdisk was not built: libfuse3 is missing")
        self.directory = pathlib.Path(directory)
        self.size = megabytes << 20
        self.log = self.directory / "disk.log"
        self.fuse = self.directory / "fuse"
        self.fuse.mkdir()
        self.marks = self.fuse / "mark"
        self.errors = open(self.directory / "logdisk.err", "w")
        image = self.directory / "disk.image"
        if base is not None:
            run(["cp", "--sparse=always", str(base), str(image)])
        files = [image, self.log, self.size, self.fuse]
        self.process = subprocess.Popen([tools.logdisk, *map(str, files)], stderr=self.errors)
        self.loop = None
        try:
            self._await()
            self.loop = Loop(self.fuse / "image", self.directory / "mounted", base is None, sector)
        except BaseException:
            self.close()
            raise
        self.mount = self.loop.mount

    def _await(self):
        for _ in range(DISK_SECONDS_MAX * 100):
            if (self.fuse / "image").exists():
                return
            if self.process.poll() is not None:
                raise Skipped("FUSE: " + (self.directory / "logdisk.err").read_text().strip())
            time.sleep(0.01)
        raise Skipped("FUSE: the file system did not appear")

    def mark_start(self):
        """Says in the log that a server is started: cuts fall behind the first of these."""
        self.marks.write_text("start topic=0 partition=0 who=0 sequence=0 count=0 offset=0 "
                              "eras=0-0 id=0 stream=- name=-\n")

    def control(self, line):
        (self.fuse / "control").write_text(line + "\n")

    def counters(self):
        pairs = (self.fuse / "control").read_text().split()
        return {name: int(value) for name, value in (pair.split("=") for pair in pairs)}

    def close(self):
        if self.loop is not None:
            self.loop.close()
            self.loop = None
        run(["fusermount3", "-u", str(self.fuse)], check=False)
        try:
            self.process.wait(timeout=DISK_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.errors.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Tally:
    """Counts what passed, and keeps what a failure leaves behind."""

    def __init__(self, keep):
        self.keep = pathlib.Path(keep)
        self.passed = 0
        self.failed = 0
        self.skipped = 0

    def case(self, name, test, evidence=()):
        """Runs one case. True when it passed or was skipped. `evidence`: files, or their maker."""
        started = time.monotonic()
        try:
            note = test()
        except Skipped as reason:
            self.skipped += 1
            print(f"skipped: {name}: {reason}", flush=True)
            return True
        except Broken as reason:
            self.failed += 1
            print(f"FAILED: {name}\n{reason}", flush=True)
            self._keep(name, evidence)
            return False
        self.passed += 1
        seconds = time.monotonic() - started
        print(f"passed: {name} ({seconds:.1f} s){': ' + note if note else ''}", flush=True)
        return True

    def _keep(self, name, evidence):
        place = self.keep / re.sub(r"\W+", "-", name)
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        for path in map(pathlib.Path, evidence() if callable(evidence) else evidence):
            with contextlib.suppress(OSError):
                if path.is_dir():
                    shutil.copytree(path, place / path.name)
                elif path.exists():
                    run(["cp", "--sparse=always", str(path), str(place)], check=False)
        print(f"kept: {place}", flush=True)

    def end(self):
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        print(f"{self.passed} passed, {self.failed} failed{skipped}", flush=True)
        return 1 if self.failed else 0


@contextlib.contextmanager
def work_directory(name):
    """A directory that goes away whatever happens. A stop by signal counts as whatever."""
    def interrupted(number, _):
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, interrupted)
    path = pathlib.Path(tempfile.mkdtemp(prefix=f"levriero-{name}-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
