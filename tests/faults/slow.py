"""A TCP relay that is late: what it takes it hands on so many seconds later, in both directions.

Run as ``python -m tests.faults.slow PORT TARGET SECONDS``, in the namespace whose port ``TARGET`` it relays to.
"""

from __future__ import annotations

import asyncio
import sys


async def main(port: int, target: int, delay_s: float) -> None:
    async def join(near: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        far, onward = await asyncio.open_connection("127.0.0.1", target)
        await asyncio.gather(_hand_on(near, onward, delay_s), _hand_on(far, answer, delay_s))

    server = await asyncio.start_server(join, port=port)
    await server.serve_forever()


async def _hand_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter, delay_s: float) -> None:
    """Until the source ends, then the sink ends as much later."""
    loop = asyncio.get_running_loop()
    try:
        while data := await source.read(4096):
            loop.call_later(delay_s, sink.write, data)
    except ConnectionError:
        pass
    loop.call_later(delay_s, sink.close)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
