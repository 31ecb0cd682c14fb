"""What the mock registries share: two servers on loopback, the registry and its storage."""

import http.server
import socketserver
import threading


class _Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass  # clients that break off


def serve(handler):
    """A server of any free port; MockServers starts it."""
    return _Server(("127.0.0.1", 0), handler)


class MockServers:
    """`_servers` run from `with` to its end."""

    def __enter__(self):
        for server in self._servers:
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        for server in self._servers:
            server.shutdown()
            server.server_close()
