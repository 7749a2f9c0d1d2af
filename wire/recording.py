"""A recording: what an agent would have sent, kept in a file for `nonself evaluate recording`.

The file is a row of gzip members (RFC 1952), each one line of JSON, so `zcat` shows it. The first is the
header; each other one is a batch as it is posted, or the header again where a recording was gone on with. A
member is written in one piece: of a recording that was cut off, all members but the last can be read.
`docs/recordings.md` describes the format, and `tests/golden/recording/` holds a file of every version ever
shipped.
"""

import json
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final, Self

from wire.codec import dump_batch, load_batch
from wire.errors import MalformedError, VersionError
from wire.fields import MAX_PLAIN_BYTES
from wire.profile import Batch

FORMAT: Final = "nonself-recording"
VERSION: Final = 1
_GZIP_WBITS: Final = 31
_LEVEL: Final = 6
"""A recording lies on a disk for long: half the bytes of level 1 for three times the work."""
_CHUNK: Final = 1 << 16
_HEADER: Final = b'{"format": "nonself-recording"'


class RecordingWriter:
    """Writes one recording; what was written survives the end of this process, however it ends.

    Args:
        path: The file to make.
        append: Go on with a recording that exists; a torn last member is taken off first.

    Raises:
        FileExistsError: The file exists and `append` is not set.
        MalformedError: The file to go on with is no recording.
        OSError: The file cannot be written.
    """

    def __init__(self, path: Path, *, append: bool = False) -> None:
        self._file: IO[bytes]
        self._path = path
        self._written = append and path.exists()
        if self._written:
            with RecordingReader(path) as reader:
                for _ in reader:
                    pass
            self._file = path.open("r+b", buffering=0)
            self._file.truncate(reader.complete_bytes)
            self._file.seek(0, os.SEEK_END)
        else:
            self._file = path.open("xb", buffering=0)
        self._write(json.dumps({"format": FORMAT, "version": VERSION}).encode())

    def write(self, batch: Batch) -> None:
        """Add one batch.

        Raises:
            OSError: It could not be written, for example on a full disk.
        """
        self._write(dump_batch(batch))
        self._written = True

    def close(self) -> None:
        """Bring it to the disk and end; a new file that got no batch is removed."""
        if not self._file.closed:
            os.fsync(self._file.fileno())
            self._file.close()
            if not self._written:
                self._path.unlink(missing_ok=True)

    def _write(self, line: bytes) -> None:
        packer = zlib.compressobj(level=_LEVEL, wbits=_GZIP_WBITS)
        member = memoryview(packer.compress(line + b"\n") + packer.flush())
        while member:
            member = member[self._file.write(member) :]


def span(path: Path) -> tuple[int, int] | None:
    """Return when the first window began and the last one ended, in Unix milliseconds; None without a batch.

    Reads the whole file once, but understands two of its records only.

    Raises:
        MalformedError: As `RecordingReader`.
        VersionError: As `RecordingReader`.
        OSError: The file cannot be read.
    """
    with RecordingReader(path) as reader:
        first = last = b""
        for line in reader.lines():
            first, last = first or line, line
    if not first:
        return None
    began = load_batch(first)
    return began.sent_at - round(began.agent.window_s * 1000), load_batch(last).sent_at


class RecordingReader:
    """Reads one recording, batch after batch, holding one at a time.

    Args:
        path: The file.

    Raises:
        MalformedError: The file is no recording; the message names it.
        VersionError: A newer release wrote it.
        OSError: The file cannot be read.

    Iteration raises `MalformedError` and `VersionError` alike, where the middle of the file is damaged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.complete_bytes = 0
        """Bytes of the complete members read so far."""
        self.cut_off = False
        """Whether the file ended within a member; known once iteration has ended."""
        self._file = path.open("rb")
        self._members = self._read()
        try:
            self._begin()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[Batch]:
        for line in self.lines():
            try:
                yield load_batch(line)
            except MalformedError as error:
                msg = f"{self._path}, the record that ends at byte {self.complete_bytes}: {error}"
                raise type(error)(msg) from error

    def lines(self) -> Iterator[bytes]:
        """Yield the records as they are stored, headers left out."""
        return (line for line in self._members if not self._is_header(line))

    def _begin(self) -> None:
        first = next(self._members, None)
        if first is None or not self._is_header(first):
            msg = f"{self._path} is not a recording: expected a header of {FORMAT!r} at its start."
            raise MalformedError(msg)

    def _is_header(self, line: bytes) -> bool:
        # Only a header begins so: the keys of a batch are sorted.
        if not line.startswith(_HEADER):
            return False
        try:
            plain = json.loads(line)
        except (ValueError, RecursionError):
            return False
        if (version := plain.get("version")) != VERSION:
            msg = f"{self._path}: this release reads version {VERSION} of recordings; got {version!r}."
            raise VersionError(msg)
        return True

    def _read(self) -> Iterator[bytes]:
        rest = b""
        while rest := rest or self._file.read(_CHUNK):
            packer, line = zlib.decompressobj(wbits=_GZIP_WBITS), b""
            while True:
                try:
                    line += packer.decompress(rest, MAX_PLAIN_BYTES - len(line))
                except zlib.error as error:
                    msg = f"{self._path} is not a recording after byte {self.complete_bytes}: {error}."
                    raise MalformedError(msg) from error
                if len(line) >= MAX_PLAIN_BYTES:
                    msg = f"{self._path} holds a record larger than {MAX_PLAIN_BYTES} bytes."
                    raise MalformedError(msg)
                if packer.eof:
                    break
                rest = packer.unconsumed_tail or self._file.read(_CHUNK)
                if not rest:
                    self.cut_off = True
                    return
            rest = packer.unused_data
            self.complete_bytes = self._file.tell() - len(rest)
            yield line
