"""An evaluator that does what its first argument, or the assignment's architecture, tells it."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading

mode = sys.argv[1] if len(sys.argv) > 1 else ""
inbox = os.fdopen(int(os.environ["CAMBRIAN_EVALUATOR_IN"]), "r")
outbox = os.fdopen(int(os.environ["CAMBRIAN_EVALUATOR_OUT"]), "w")
messages = queue.Queue()


def write(line):
    outbox.write(line + "\n")
    outbox.flush()


def send(kind, /, **fields):
    write(json.dumps({"type": kind, **fields}))


def note(words):
    """A line in a file that several evaluators share, written whole."""
    with open(note_file, "a") as file:
        file.write(words + "\n")


def read():
    for line in inbox:
        messages.put(json.loads(line))
    os._exit(0)


def sleep_for_ever():
    while True:
        signal.pause()


def save(folder, name, content):
    """Writes a file as a whole."""
    with open(os.path.join(folder, name + ".new"), "w") as file:
        file.write(content)
    os.rename(os.path.join(folder, name + ".new"), os.path.join(folder, name))


def work_until_stopped(name, on_stop=dict):
    """Notes a step of training again and again, and obeys."""
    while True:
        try:
            message = messages.get(timeout=0.001)
        except queue.Empty:
            if note_file:
                note(f"{name} works")
            continue
        if message["type"] == "stop":
            send("error", assignment=name, kind="stopped", message="as told", **on_stop())
            return
        if message["type"] == "pause":
            send("paused")
            while messages.get()["type"] != "resume":
                pass


def wait_for(kind):
    while (message := messages.get())["type"] != kind:
        if message["type"] == "pause":
            send("paused")


def measure(name):
    for _ in range(3):
        send("acquire", assignment=name)
        wait_for("acquired")
        note(f"{name} measures")
        threading.Event().wait(0.02)
        note(f"{name} has measured")
        send("release", assignment=name)
    send("result", assignment=name, metrics={"accuracy": 1})


def obey(start):
    name, what = start["assignment"], start["architecture"]["do"]
    result = {"pid": os.getpid(), "threads": start["threads"],
              "omp": int(os.environ["OMP_NUM_THREADS"])}
    print("on", start["device"], "with", what, flush=True)
    if what == "succeed":
        for step in (1, 2):
            send("progress", assignment=name, step=step, steps=2, metrics={"accuracy": step / 4})
        send("progress", assignment="somebody else's", step=9, metrics={})
        send("result", assignment=name, metrics=result)
    elif what == "checkpoint":
        with open(os.path.join(start["folder"], "model.bin"), "wb") as file:
            file.write(b"weights" * 100_000)
        send("result", assignment=name, metrics=result, checkpoint="model.bin")
    elif what in ("infeasible", "data", "memory", "failed", "stopped"):
        send("error", assignment=name, kind=what, message="because")
    elif what == "crash":
        os.kill(os.getpid(), signal.SIGKILL)
    elif what == "exit":
        sys.exit(3)
    elif what == "orphan":  # a child that keeps the pipes open
        subprocess.Popen(["sleep", "1000"], close_fds=False,
                         pass_fds=(inbox.fileno(), outbox.fileno()))
        os._exit(4)
    elif what == "garbage":
        write("Epoch 1: loss 0.3")
        sleep_for_ever()
    elif what == "deaf":
        send("progress", assignment=name, step=1, steps=1, metrics={"pid": os.getpid()})
        sleep_for_ever()
    elif what == "flood":
        print("x" * 200_000 + "the end", flush=True)
        send("result", assignment=name, metrics=result)
    elif what == "work":
        send("progress", assignment=name, step=1, steps=1, metrics={"pid": os.getpid()})
        work_until_stopped(name)
    elif what == "save":  # states to go on from
        if "checkpoint" in start:
            with open(start["checkpoint"]) as file:
                print("going on from", file.read(), flush=True)
            send("result", assignment=name, metrics=result)
            return
        save(start["folder"], "first", "first state")
        send("progress", assignment=name, step=1, steps=3, metrics=result, checkpoint="first")

        def last():
            save(start["folder"], "last", "last state")
            return {"checkpoint": "last"}
        work_until_stopped(name, last)
    elif what == "measure":
        measure(name)


note_file = ""
if mode == "silent":
    sleep_for_ever()
if mode == "exit":
    print("no module named torch", flush=True)
    sys.exit(5)
if mode == "deaf":  # does not notice that its pipe closes
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
send("hello", protocol={"old": 0, "new": 99}.get(mode, 1), name="scripted", version="0.0.1",
     devices=["cpu"])
if mode == "twice":
    send("hello", protocol=1)
threading.Thread(target=read if mode != "deaf" else
                 lambda: [messages.put(json.loads(line)) for line in inbox], daemon=True).start()
while True:
    message = messages.get()
    if message["type"] == "start":
        note_file = message["architecture"].get("note", "")
        obey(message)
    elif message["type"] == "pause":
        send("paused")
