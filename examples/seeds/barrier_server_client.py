"""A client that waits until the server has started (seed 3, 17.1.9, first example).

The seed's endless loops are cut to three connections.
"""

import socket
from threading import Barrier, Thread

b = Barrier(2, timeout=5)
listener = socket.socket()


def server():
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    b.wait()
    for _ in range(3):
        connection, _ = listener.accept()
        with connection:
            connection.sendall(connection.recv(100).upper())
    listener.close()


def client():
    b.wait()
    for number in range(3):
        with socket.create_connection(listener.getsockname()) as connection:
            connection.sendall(f"request {number}".encode())
            print("the server answered", connection.recv(100).decode())


for target in (server, client):
    Thread(target=target).start()
