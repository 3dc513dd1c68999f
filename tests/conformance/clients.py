"""How the released clients come onto this machine: by package name, pinned, once.

Everything goes to ${XDG_CACHE_HOME:-~/.cache}/levriero/clients and is left alone when it is there.
Rust programs and both command line clients are one cargo build, so that what they share is
compiled once; cargo itself knows whether anything is left to do. The lock files beside the sources
pin every crate; pip and maven are given exact versions.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "levriero/clients"
CARGO_MIN = (1, 95)
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
    cargo = find_cargo()
    environment = os.environ | {"CARGO_TARGET_DIR": str(CACHE / "rust")}
    # The rustc beside this cargo, not another one that comes first in PATH.
    rustc = Path(cargo).with_name("rustc")
    if rustc.exists():
        environment["RUSTC"] = str(rustc)
    with alone():
        command([cargo, "build", "--locked", "--quiet", "--manifest-path", HERE / manifest, *words],
                env=environment)
    return CACHE / "rust/debug"


def rust_client(program):
    return [cargo_build("rust/Cargo.toml", *(f"-p{name}" for name in PACKAGES)) / program]


def command_line(version):
    """Both command line clients are called `iggy`: each is copied out before the next is built.

    The packages named beside it keep the features, and so what is already built, the same."""
    out = CACHE / f"iggy-cli-{version}"
    if not out.exists():
        names = (*PACKAGES, f"iggy-cli@{version}")
        built = cargo_build("rust/Cargo.toml", *(f"-p{name}" for name in names)) / "iggy"
        partial = out.with_suffix(".partial")
        shutil.copy2(built, partial)
        partial.rename(out)
    return [sys.executable, HERE / "cli_matrix.py", out, f"cli-{version[:4]}"]


def gate():
    """The next protocol's client, which has to be refused."""
    return [cargo_build("rust/gate/Cargo.toml") / "gate"]


def java_client():
    home, sources = CACHE / "java", sorted((HERE / "java").glob("*.java"))
    for tool in ("javac", "mvn"):
        if not shutil.which(tool):
            raise SetupFailed(f"there is no {tool}: `apt install openjdk-17-jdk-headless maven`")
    with alone():
        jars, pom = home / "jars", HERE / "java/pom.xml"
        if not (home / "pom").exists() or (home / "pom").read_bytes() != pom.read_bytes():
            shutil.rmtree(home, ignore_errors=True)
            command(["mvn", "-q", "-B", "-f", pom, "dependency:copy-dependencies",
                     f"-DoutputDirectory={jars}"])
            shutil.copy2(pom, home / "pom")
        classes = home / "classes"
        newest = max(source.stat().st_mtime for source in sources)
        if not classes.exists() or classes.stat().st_mtime < newest:
            shutil.rmtree(classes, ignore_errors=True)
            command(["javac", "-d", classes, "-cp", f"{jars}/*", *sources])
            os.utime(classes)
    return ["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{jars}/*:{classes}",
            "Matrix"]


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
