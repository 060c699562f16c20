"""Run as a process by the tests: warms a plugin, then forks workers on command, as the host's zygote does.

    python zygote_process.py CONTROL_DESCRIPTOR PYTHON_FOLDER PLUGIN_FOLDER

Commands come as one packet of JSON each, answers likewise: {"fork": folder} with the worker's socket and its output as
descriptors → {"pid"}, {"wait": pid} → {"status"}.
"""

import json
import os
import socket
import sys


def main() -> None:
    control = socket.socket(fileno=int(sys.argv[1]))
    sys.path.insert(0, sys.argv[2])
    before = set(sys.modules)
    from lachesis_worker import worker, zygote

    try:
        zygote.warm(sys.argv[3])
    except Exception as error:  # noqa: BLE001
        control.send(json.dumps({"error": f"{type(error).__name__}: {error}"}).encode())
        return
    threads = len(os.listdir("/proc/self/task"))
    control.send(json.dumps({"threads": threads, "modules": len(set(sys.modules) - before)}).encode())
    while True:
        message, descriptors, *_ = socket.recv_fds(control, 4_096, 2)
        if not message:
            return
        command = json.loads(message)
        if "wait" in command:
            status = os.waitstatus_to_exitcode(os.waitpid(command["wait"], 0)[1])
            control.send(json.dumps({"status": status}).encode())
            continue
        pid = os.fork()
        if pid == 0:
            control.close()
            os.chdir(command["fork"])
            os.dup2(descriptors[1], 1)
            os.dup2(descriptors[1], 2)
            os._exit(worker.run(descriptors[0]))
        for descriptor in descriptors:
            os.close(descriptor)
        control.send(json.dumps({"pid": pid}).encode())


main()
