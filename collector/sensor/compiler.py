"""The short-lived process that compiles and loads a sensor, and hands its descriptors over.

bcc brings LLVM, which stays mapped as long as the process that compiled lives;
the agent therefore never imports it. Started by `collector.sensor.loader` with
a socket; answers with one JSON object, and the descriptors beside it.
"""

import importlib.util
import json
import socket
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from collector.errors import CollectorError, RequirementError, SensorError
from collector.sensor import bpf
from collector.sensor.btf import KernelTypes, read_kernel_types
from collector.sensor.source import Source

BCC_PACKAGE: Final = Path("/usr/lib/python3/dist-packages/bcc")
SOURCES: Final = Path(__file__).parents[1] / "bpf"


def load_bcc(package: Path = BCC_PACKAGE) -> ModuleType:
    """Import the operating system's bcc by its path, so that no other of its packages leaks in.

    Raises:
        RequirementError: It is not installed, or something else has its name.
    """
    cure = (
        "install the operating system's package python3-bpfcc (the one named bcc on PyPI is something else)"
    )
    spec = importlib.util.spec_from_file_location("bcc", package / "__init__.py")
    if spec is None or spec.loader is None or not (package / "__init__.py").exists():
        msg = f"There is no bcc at {package}: {cure}."
        raise RequirementError(msg)
    module = importlib.util.module_from_spec(spec)
    sys.modules["bcc"] = module
    try:
        spec.loader.exec_module(module)
    except (ImportError, OSError) as error:
        del sys.modules["bcc"]
        msg = f"bcc at {package} cannot be imported ({error}): {cure}."
        raise RequirementError(msg) from error
    if not hasattr(module, "BPF"):
        del sys.modules["bcc"]
        msg = f"The package at {package} is not the BPF compiler collection: {cure}."
        raise RequirementError(msg)
    return module


def defines(types: KernelTypes, source: Source, given: dict[str, int]) -> dict[str, int]:
    """Return every macro that a sensor's source expects from the command line."""
    found = {field.macro: types.offset(field.structure, field.path) for field in source.fields}
    for field in source.optional_fields:
        try:
            found[field.macro] = types.offset(field.structure, field.path)
        except RequirementError:
            found[field.macro] = 0
    return found | given


def build(source: Source, given: dict[str, int]) -> tuple[list[int], list[int]]:
    """Compile and load; return the descriptors of the source's maps and programs, in their order.

    Raises:
        RequirementError: This machine lacks something.
        SensorError: The source does not compile, or the kernel refused a program.
    """
    types = read_kernel_types()
    options = [f"-D{name}={value}ULL" for name, value in sorted(defines(types, source, given).items())]
    # Before bcc makes the maps: it would speak of a failed compilation.
    bpf.check_permission(types.typedef(f"btf_trace_{next(iter(source.programs.values()))}"))
    bcc: Any = load_bcc()
    file = SOURCES / source.file
    try:
        module = bcc.BPF(src_file=str(file), cflags=[*options, f"-I{SOURCES}", "-Wall", "-Werror"])
    except Exception as error:
        msg = f"bcc could not compile {file}: {error}."
        raise SensorError(msg) from error
    maps = [bcc.libbcc.lib.bpf_table_fd(module.module, name.encode()) for name in source.maps]
    programs = [
        bpf.load_program(name, module.dump_func(name), types.typedef(f"btf_trace_{tracepoint}"))
        for name, tracepoint in source.programs.items()
    ]
    return maps, programs


def main() -> None:
    """Read source and macros as JSON from the socket given as descriptor 0, and answer on it."""
    with socket.socket(fileno=0) as channel:
        request = json.loads(channel.recv(1 << 16))
        try:
            maps, programs = build(Source.from_json(request["source"]), request["given"])
        except CollectorError as error:
            answer = {"error": str(error), "requirement": isinstance(error, RequirementError)}
            channel.sendall(json.dumps(answer).encode())
        else:
            socket.send_fds(channel, [json.dumps({"error": ""}).encode()], [*maps, *programs])
