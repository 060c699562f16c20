/// A plugin and a `lachesis_worker` that need nothing but Python, for tests of the host alone: the worker does what its
/// script says.
///
/// A script finds `channel`, defines `step(n)` if something is to happen at each batch of n records, and sets `ready =
/// False` if the worker is not to say that it is ready. Every record is answered as skipped.
enum ScriptedWorker {
    static let zygote = """
        import gc, importlib, os, threading, time

        def warm(folder):
            with open(os.path.join(folder, "plugin.toml")) as file:
                exec(file.read())
            gc.collect()
            gc.freeze()

        def rehearse_again():
            pass
        """

    static let worker = """
        import json, os, socket, struct

        SLICE = 65528

        class Channel:
            def __init__(self, descriptor):
                self.socket = socket.socket(fileno=descriptor)

            def receive(self):
                payload, total = b"", None
                while total is None or len(payload) < total:
                    packet = self.socket.recv(65536)
                    if not packet:
                        return None
                    total, kind, _, _ = struct.unpack_from("<IBBH", packet)
                    payload += packet[8:]
                return kind, payload

            def send(self, kind, payload=b""):
                for start in range(0, max(len(payload), 1), SLICE):
                    header = struct.pack("<IBBH", len(payload), kind, start == 0, 0)
                    self.socket.send(header + payload[start:start + SLICE])

            def ready(self):
                self.send(129, struct.pack("<I", 2) + b"{}" + struct.pack("<2d", 1, 1))

            def failed(self, text):
                self.send(130, json.dumps({"error": text}).encode())

            def result(self, n):
                self.send(131, struct.pack("<6I", n, 0, 1, 0, 0, 0) + bytes([2] * n) + bytes(-n % 8))

        def run(descriptor):
            channel, step = Channel(descriptor), None
            while (message := channel.receive()) is not None:
                kind, payload = message
                if kind == 1:
                    length = int.from_bytes(payload[:2], "little")
                    with open(payload[2:2 + length].decode(), "wb") as file:
                        file.write(payload[2 + length:])
                elif kind == 2:
                    namespace = {"channel": channel, "__name__": "script"}
                    exec(json.loads(payload)["definition"], namespace)
                    step = namespace.get("step")
                    if namespace.get("ready", True):
                        channel.ready()
                else:
                    n = int.from_bytes(payload[:4], "little")
                    if step:
                        step(n)
                    channel.result(n)
            return 0
        """
}
