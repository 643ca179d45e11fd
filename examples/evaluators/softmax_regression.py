#!/usr/bin/env python3
"""An evaluator of one's own, in Python's standard library alone.

It trains softmax regression on the CSV file that the assignment names, with the recipe's epochs,
learning rate, batch size and weight decay, and reports what any evaluator reports: progress after
every epoch, then accuracy, loss, parameters and, if asked, latency. Copy it and replace `train`.
docs/evaluator-protocol.md describes the lines that it reads and writes.

  cambrian-worker --evaluator softmax=examples/evaluators/softmax_regression.py
"""

import csv
import json
import math
import os
import queue
import random
import statistics
import threading
import time

PROTOCOL = 1
VERSION = "0.1.0"


class Stopped(Exception):
    """The agent does not want this assignment any longer."""


class Infeasible(Exception):
    """This candidate cannot work; another one may."""


class BadData(Exception):
    """The data are broken: every candidate would fail."""


class Agent:
    """The other side of the two pipes. print() goes to the trial's log, never here."""

    def __init__(self):
        self._in = os.fdopen(int(os.environ["CAMBRIAN_EVALUATOR_IN"]), "r", encoding="utf-8")
        self._out = os.fdopen(int(os.environ["CAMBRIAN_EVALUATOR_OUT"]), "w", encoding="utf-8")
        self._messages = queue.Queue()
        self.send("hello", protocol=PROTOCOL, name="softmax", version=VERSION, devices=["cpu"])
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self._in:
            self._messages.put(json.loads(line))
        os._exit(0)  # the pipe is closed: the agent is gone, and so are we, whatever we are doing

    def send(self, kind, /, **fields):
        self._out.write(json.dumps({"type": kind, **fields}, allow_nan=False) + "\n")
        self._out.flush()

    def receive(self):
        return self._messages.get()

    def check(self):
        """Between two steps: stops or pauses if told to. Cheap if there is nothing to read."""
        while not self._messages.empty():
            self._obey(self.receive())

    def acquire(self, assignment):
        """Waits until the device is ours alone, for a measurement."""
        self.send("acquire", assignment=assignment)
        while (message := self.receive())["type"] != "acquired":
            self._obey(message)

    def _obey(self, message):
        if message["type"] == "stop":
            raise Stopped()
        if message["type"] == "pause":
            self.send("paused")
            while (message := self.receive())["type"] != "resume":
                self._obey(message)


def number(value):
    """JSON has no NaN and no infinity; the protocol writes them as text."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def load(data, share, split_seed):
    """Training and validation examples as (values scaled to [0, 1], class), and the classes."""
    if "csv" not in data:
        raise BadData("this evaluator reads csv data only")
    path, label = data["csv"]["file"], data["csv"]["label"]
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise BadData(f"{path}: {error.strerror}") from error
    if not rows or label not in rows[0]:
        raise BadData(f'{path}: no column "{label}"')
    try:
        values = [[float(v) for k, v in row.items() if k != label] for row in rows]
    except (TypeError, ValueError) as error:
        raise BadData(f"{path}: {error}") from error
    names = sorted({row[label] for row in rows})
    scale = max(max(map(abs, row)) for row in values) or 1.0
    examples = [([v / scale for v in x], names.index(row[label])) for x, row in zip(values, rows)]
    # The study's seed fixes the split: it is the same for all its trials.
    random.Random(split_seed).shuffle(examples)
    examples = examples[: int(len(examples) * (1 - data.get("test", 0)))]
    held_out = max(1, int(len(examples) * data.get("validation", 0.1)))
    train = examples[held_out:]
    return train[: max(1, int(len(train) * share))], examples[:held_out], len(names)


def probabilities(weights, x):
    scores = [row[-1] + sum(map(float.__mul__, row, x)) for row in weights]
    top = max(scores)
    powers = [math.exp(score - top) for score in scores]
    total = sum(powers)
    return [power / total for power in powers]


def train_epoch(agent, weights, examples, batch, lr, decay):
    for start in range(0, len(examples), batch):
        agent.check()
        part = examples[start : start + batch]
        for x, label in part:
            errors = probabilities(weights, x)
            errors[label] -= 1
            for row, error in zip(weights, errors):
                step = lr * error
                row[:-1] = [w - step * v - lr * decay * w for w, v in zip(row, x)]
                row[-1] -= step


def validate(weights, examples):
    correct, loss = 0, 0.0
    for x, label in examples:
        p = probabilities(weights, x)
        correct += p.index(max(p)) == label
        loss -= math.log(max(p[label], 1e-300))
    accuracy = correct / len(examples)
    spread = 1.96 * math.sqrt(accuracy * (1 - accuracy) / len(examples))
    return {
        "accuracy": {"value": accuracy, "low": accuracy - spread, "high": accuracy + spread},
        "loss": number(loss / len(examples)),
    }


def measure_latency(agent, start, weights, x):
    agent.acquire(start["assignment"])
    times = []
    for run in range(start["latency"]["runs"] + 5):
        begin = time.perf_counter()
        for _ in range(start["latency"]["batch"]):
            probabilities(weights, x)
        if run >= 5:  # the first ones warm up
            times.append(1000 * (time.perf_counter() - begin))
    agent.send("release", assignment=start["assignment"])
    deciles = statistics.quantiles(times, n=10) if len(times) > 1 else times * 9
    return {"value": statistics.median(times), "low": deciles[0], "high": deciles[-1]}


def measure_only(agent, start):
    """Trained elsewhere: what it costs here does not depend on its weights, nor on the data."""
    task = start["data"]["task"]
    values = math.prod(task["input"])
    weights = [[0.0] * (values + 1) for _ in range(task["classes"])]
    metrics = {"parameters": task["classes"] * (values + 1)}
    if start.get("latency"):
        metrics["latency_ms"] = measure_latency(agent, start, weights, [0.0] * values)
    return metrics


def train(agent, start):
    recipe = start.get("recipe") or {}
    sgd = (recipe.get("optimizer") or {}).get("sgd", {})
    epochs = max(1, round(recipe.get("epochs", 1)))
    examples, validation, classes = load(start["data"], start["share"], start["split_seed"])
    print(f"{len(examples)} examples, {len(validation)} to validate, {classes} classes")
    shuffle = random.Random(start["seed"])
    weights = [[0.0] * (len(examples[0][0]) + 1) for _ in range(classes)]
    began = time.monotonic()
    for epoch in range(1, epochs + 1):
        shuffle.shuffle(examples)
        try:
            train_epoch(agent, weights, examples, int(recipe.get("batch", 32)),
                        sgd.get("lr", 0.1), sgd.get("decay", 0.0))
            metrics = validate(weights, validation)
        except (OverflowError, ValueError) as error:
            raise Infeasible(f"epoch {epoch}: the weights overflow ({error})") from error
        if metrics["loss"] == "NaN":
            raise Infeasible(f"epoch {epoch}: the loss is not a number")
        agent.send("progress", assignment=start["assignment"], step=epoch, steps=epochs,
                   metrics=metrics)
    metrics["train_seconds"] = time.monotonic() - began
    metrics["parameters"] = classes * len(weights[0])
    if start.get("latency"):
        metrics["latency_ms"] = measure_latency(agent, start, weights, validation[0][0])
    return metrics


def main():
    agent = Agent()
    while True:
        message = agent.receive()
        if message["type"] == "pause":
            agent.send("paused")
        if message["type"] != "start":
            continue  # welcome, resume, or a stop that came too late
        name = message["assignment"]
        kind = None
        try:
            work = train if message.get("train", True) else measure_only
            agent.send("result", assignment=name, metrics=work(agent, message))
        except Stopped:
            kind, text = "stopped", "stopped"
        except Infeasible as error:
            kind, text = "infeasible", str(error)
        except BadData as error:
            kind, text = "data", str(error)
        except MemoryError:
            kind, text = "memory", "out of memory"
        except Exception as error:  # one candidate must not end the process
            kind, text = "failed", f"{type(error).__name__}: {error}"
        if kind:
            agent.send("error", assignment=name, kind=kind, message=text)


if __name__ == "__main__":
    main()
