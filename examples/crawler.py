"""Crawl a small web site that this program serves itself, with a few threads on a shared queue.

Server, queue and crawler all come from the standard library, which imports ``threading`` in turn.
"""

import argparse
import queue
import re
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Site(BaseHTTPRequestHandler):
    """Page n links to pages 2n+1 and 2n+2, as far as there are any, and back to the start."""

    pages = 0

    def do_GET(self):
        number = int(self.path.strip("/") or 0)
        links = [n for n in (2 * number + 1, 2 * number + 2) if n < self.pages]
        body = "".join(f'<a href="/{n}">page {n}</a>\n' for n in [0, *links]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        """Stay quiet."""


class Crawler:
    def __init__(self, start, connections):
        self.found = {start: 0}
        self._lock = threading.Lock()
        self._todo = queue.Queue()
        self._todo.put(start)
        self._connections = threading.BoundedSemaphore(connections)

    def run(self, threads):
        for number in range(threads):
            threading.Thread(target=self._work, name=f"crawler-{number}", daemon=True).start()
        self._todo.join()

    def _work(self):
        while True:
            url = self._todo.get()
            try:
                self._visit(url)
            finally:
                self._todo.task_done()

    def _visit(self, url):
        with self._connections, DIRECTLY.open(url, timeout=30) as response:
            body = response.read().decode()
        with self._lock:
            self.found[url] = len(body)
        for path in re.findall(r'href="(/\d+)"', body):
            link = url[: url.rindex("/")] + path
            with self._lock:
                if link in self.found:
                    continue
                self.found[link] = 0
            self._todo.put(link)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=60, help="of the site (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=4, help="(default: %(default)s)")
    options = parser.parse_args()
    Site.pages = options.pages
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        threading.Thread(target=server.serve_forever, name="server").start()
        crawler = Crawler(f"http://127.0.0.1:{server.server_port}/0", connections=3)
        crawler.run(options.threads)
        server.shutdown()
    print(f"{len(crawler.found)} pages, {sum(crawler.found.values()):,} bytes")


if __name__ == "__main__":
    main()
