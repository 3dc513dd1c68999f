"""How the released clients come onto this machine: by package name, pinned, once.

Everything goes to ${XDG_CACHE_HOME:-~/.cache}/levriero/clients and is left alone when it is there.
Rust programs and both command line clients are one cargo build, so that what they share is
compiled once. The lock files beside the sources pin every crate; pip and maven are given exact
versions. What is built of our own sources lies under a digest of them, since several checkouts may
use one cache.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "levriero/clients"
CARGO_MIN = (1, 95)
KEPT = 4
PACKAGES = ("conformance-generation1", "conformance-generation2")


class SetupFailed(Exception):
    """A client or the text could not be had; says which and what to do."""


def command(words, **fields):
    """Runs to the end quietly; what it said is shown only when it fails."""
    done = subprocess.run([str(word) for word in words], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, **fields)
    if done.returncode:
        raise SetupFailed(f"`{' '.join(map(str, words))}` failed:\n{done.stdout[-3000:]}")
    return done.stdout


@contextmanager
def alone():
    """Two runs at once would build the same things twice."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def digest(*folders):
    """Of all sources below, by name and content."""
    whole = hashlib.sha256()
    for path in sorted(path for folder in folders for path in (HERE / folder).rglob("*")):
        if path.is_file():
            whole.update(f"{path.relative_to(HERE)}\n".encode() + path.read_bytes())
    return whole.hexdigest()[:16]


def forget_old(pattern):
    """Of what other checkouts and yesterday left, the newest few stay."""
    for old in sorted(CACHE.glob(pattern), key=lambda path: path.stat().st_mtime)[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)


def python_client(version, program):
    """A virtual environment with exactly the pinned client; returns how to start the program."""
    home = CACHE / f"python-apache-iggy-{version}"
    python = home / "bin/python"
    with alone():
        if not (home / "ready").exists():
            shutil.rmtree(home, ignore_errors=True)
            command([sys.executable, "-m", "venv", home])
            command([python, "-m", "pip", "install", "--quiet", "--only-binary=:all:",
                     f"apache-iggy=={version}"])
            (home / "ready").touch()
    return [python, HERE / program]


def find_cargo():
    """The first cargo that is new enough: PATH first, then Debian's cargo-web."""
    tried = []
    for cargo in filter(None, (shutil.which("cargo"), "/usr/bin/cargo")):
        try:
            answer = subprocess.run([cargo, "--version"], text=True, capture_output=True).stdout
            version = tuple(map(int, answer.split()[1].split(".")[:2]))
        except (OSError, IndexError, ValueError):
            continue
        if version >= CARGO_MIN:
            return cargo
        tried.append(answer.strip())
    raise SetupFailed("the Rust clients need cargo 1.95 or newer"
                      f" (found: {', '.join(tried) or 'none'});"
                      " Debian has it as `apt install rustc-web cargo-web`")


def cargo_build(manifest, *words):
    """Run it alone. Cargo takes a checkout's sources for unchanged when another's build is newer,
    so ours are touched first: only they, not the crates, are compiled once more than needed."""
    cargo = find_cargo()
    environment = os.environ | {"CARGO_TARGET_DIR": str(CACHE / "rust")}
    # The rustc beside this cargo, not another one that comes first in PATH.
    rustc = Path(cargo).with_name("rustc")
    if rustc.exists():
        environment["RUSTC"] = str(rustc)
    for source in (HERE / manifest).parent.rglob("*.rs"):
        source.touch()
    command([cargo, "build", "--locked", "--quiet", "--manifest-path", HERE / manifest, *words],
            env=environment)
    return CACHE / "rust/debug"


def rust_programs(names, manifest, *words):
    """Built of our sources at once, copied out under their digest; returns where they are."""
    with alone():
        home = CACHE / f"programs-{digest('rust')}"
        if not all((home / name).exists() for name in names):
            forget_old("programs-*")
            built = cargo_build(manifest, *words)
            home.mkdir(exist_ok=True)
            for name in names:
                shutil.copy2(built / name, home / f"{name}.partial")
                (home / f"{name}.partial").rename(home / name)
    return home


def rust_client(name):
    words = (f"-p{package}" for package in PACKAGES)
    return [rust_programs(("rust-0-10", "rust-0-11"), "rust/Cargo.toml", *words) / name]


def gate():
    """The next protocol's client, which has to be refused."""
    return [rust_programs(("gate",), "rust/gate/Cargo.toml") / "gate"]


def command_line(version):
    """Both command line clients are called `iggy`: each is copied out before the next is built.

    The packages named beside it keep the features, and so what is already built, the same."""
    out = CACHE / f"iggy-cli-{version}"
    with alone():
        if not out.exists():
            names = (*PACKAGES, f"iggy-cli@{version}")
            built = cargo_build("rust/Cargo.toml", *(f"-p{name}" for name in names))
            shutil.copy2(built / "iggy", out.with_suffix(".partial"))
            out.with_suffix(".partial").rename(out)
    return [sys.executable, HERE / "cli_matrix.py", out, f"cli-{version[:4]}"]


def java_client():
    for tool in ("javac", "mvn"):
        if not shutil.which(tool):
            raise SetupFailed(f"there is no {tool}: `apt install openjdk-17-jdk-headless maven`")
    pom = HERE / "java/pom.xml"
    with alone():
        home = CACHE / f"java-{digest('java')}"
        if not (home / "ready").exists():
            forget_old("java-*")
            shutil.rmtree(home, ignore_errors=True)
            command(["mvn", "-q", "-B", "-f", pom, "dependency:copy-dependencies",
                     f"-DoutputDirectory={home / 'jars'}"])
            command(["javac", "-d", home / "classes", "-cp", f"{home / 'jars'}/*",
                     *sorted((HERE / "java").glob("*.java"))])
            (home / "ready").touch()
    return ["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp",
            f"{home / 'jars'}/*:{home / 'classes'}", "Matrix"]


# In the order of the table: a short name, the package, its generation, how it is prepared.
CLIENTS = {
    "python-0.9": ("Python apache-iggy 0.9.0", 2,
                   lambda: python_client("0.9.0", "python_matrix.py")),
    "rust-0.11": ("Rust iggy 0.11.0", 2, lambda: rust_client("rust-0-11")),
    "cli-0.14": ("iggy-cli 0.14.0", 2, lambda: command_line("0.14.0")),
    "python-0.8": ("Python apache-iggy 0.8.0", 1,
                   lambda: python_client("0.8.0", "python_matrix_0_8.py")),
    "rust-0.10": ("Rust iggy 0.10.0", 1, lambda: rust_client("rust-0-10")),
    "java-0.8": ("Java org.apache.iggy:iggy 0.8.0", 1, java_client),
    "cli-0.13": ("iggy-cli 0.13.0", 1, lambda: command_line("0.13.0")),
}
