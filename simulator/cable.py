"""The network cable between a gateway and the broker: a TCP relay that can be pulled out."""

from __future__ import annotations

import socket
import threading
from typing import Final

LOOPBACK: Final = "127.0.0.1"
_CHUNK: Final = 65536


class Cable:
    """Relays connections to ``target`` (a port on loopback) while plugged in.

    Attributes:
        port: where to connect instead.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._server = socket.create_server((LOOPBACK, 0))
        self.port = int(self._server.getsockname()[1])
        self._plugged_in = True
        self._ends: set[socket.socket] = set()
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, name=f"cable-{self.port}", daemon=True).start()

    @property
    def is_plugged_in(self) -> bool:
        return self._plugged_in

    def pull(self) -> None:
        """Nothing passes any more; what was connected is cut."""
        self._plugged_in = False
        with self._lock:
            ends, self._ends = self._ends, set()
        for end in ends:
            _close(end)

    def plug_in(self) -> None:
        self._plugged_in = True

    def close(self) -> None:
        self.pull()
        _close(self._server)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            self._join(near)

    def _join(self, near: socket.socket) -> None:
        if not self._plugged_in:
            _close(near)
            return
        try:
            far = socket.create_connection((LOOPBACK, self._target), timeout=5)
        except OSError:
            _close(near)
            return
        far.settimeout(None)
        with self._lock:
            self._ends |= {near, far}
        for source, sink in ((near, far), (far, near)):
            threading.Thread(target=self._relay, args=(source, sink), daemon=True).start()

    def _relay(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(_CHUNK):
                sink.sendall(data)
        except OSError:
            pass
        finally:
            _close(source)
            _close(sink)
            with self._lock:
                self._ends -= {source, sink}


def _close(end: socket.socket) -> None:
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    finally:
        end.close()
