"""Load over SMTP: many mails over a few connections, each mail different, bounded in count and time."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """What a round of load came to: seconds, and how many final replies began with each first digit."""

    seconds: float
    replies: Counter[str]

    @property
    def rate(self) -> float:
        """Mails a second."""
        return self.replies.total() / self.seconds


def send_all(port: int, mails: Sequence[bytes], sessions: int = 8, limit: float = 300) -> Result:
    """Send every mail once to the SMTP server on loopback, over `sessions` connections at once.

    Raises TimeoutError when it takes longer than `limit` seconds.
    """
    queue = list(mails)
    replies: Counter[str] = Counter()
    start = time.perf_counter()
    asyncio.run(asyncio.wait_for(_run(port, queue, sessions, replies), limit))
    return Result(time.perf_counter() - start, replies)


async def _run(port: int, queue: list[bytes], sessions: int, replies: Counter[str]) -> None:
    await asyncio.gather(*(_session(port, queue, replies) for _ in range(sessions)))


async def _session(port: int, queue: list[bytes], replies: Counter[str]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    await _reply(reader)
    await _say(reader, writer, b"EHLO bench.example\r\n")
    while queue:
        replies[(await _send(reader, writer, queue.pop()))[:1]] += 1
    await _say(reader, writer, b"QUIT\r\n")
    writer.close()


async def _send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, mail: bytes) -> str:
    writer.write(b"MAIL FROM:<sender@partner.example>\r\nRCPT TO:<user@example.jp>\r\nDATA\r\n")
    for _ in range(3):
        answer = await _reply(reader)
    if not answer.startswith("354"):
        return answer
    return await _say(reader, writer, mail + b".\r\n")


async def _say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes) -> str:
    writer.write(data)
    await writer.drain()
    return await _reply(reader)


async def _reply(reader: asyncio.StreamReader) -> str:
    while True:
        line = await reader.readline()
        if not line:
            raise ConnectionError("the server closed the connection")
        if line[3:4] != b"-":
            return line.decode(errors="replace").rstrip()
