"""A registry of small tasks without torch: what the worker does with them is known by hand."""

import os
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np

from cache.errors import UserError
from dashboard.protocol import Progress, streamed


class State:
    def __init__(self, config):
        self.config = config
        self.begun = Counter()  # how often each task was begun in this worker
        self.log = []  # in which order things were done


def make_state(config):
    time.sleep(config.get("slow_start", 0))
    fault = config.get("fault")
    if fault == "user":
        raise UserError("There is no network of this name.")
    if fault == "bug":
        raise ValueError("two\nlines")
    if fault == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    return State(config)


def echo(state, value=None):
    state.begun["echo"] += 1
    return value


@streamed
def frame(state, number):
    return number


def journal(state):
    return {"begun": dict(state.begun), "log": state.log}


def nap(state, seconds, name=""):
    state.begun[f"nap {name}"] += 1
    state.log.append(name)
    time.sleep(seconds)
    return name


def steps(state, total, seconds, name="", ended=None):
    """`total` steps of `seconds`; the file `ended` is written when the generator is closed."""
    state.begun[f"steps {name}"] += 1
    try:
        for step in range(1, total + 1):
            time.sleep(seconds)
            state.log.append(f"{name}{step}")
            yield Progress(step, total, partial={"at": step})
    finally:
        if ended is not None:
            Path(ended).write_text(f"after {step}")
    return f"{name} of {total}"


def complain(state):
    raise UserError("This picture is empty; choose another one.")


def complain_later(state):
    yield Progress(1, 2)
    raise UserError("The second half is missing.")


def bug(state):
    return {}["no such\nkey"]


def leave(state):
    sys.exit(3)


def odd_result(state):
    return {"value": object()}


def odd_step(state):
    yield "not a Progress"


def numbers(state):
    return {"one": np.float32(0.5), "many": np.arange(3), "file": Path("a") / "b"}


def shout(state):
    print("this must not disturb the messages")
    os.write(1, b"nor must this\n")
    return sys.stdin.read()


def die(state):
    os.kill(os.getpid(), signal.SIGKILL)


def die_once(state, flag):
    """Kills the worker unless the file `flag` says that it has done so before."""
    if not Path(flag).exists():
        Path(flag).write_text("died")
        os.kill(os.getpid(), signal.SIGKILL)
    return "alive"


def where(state):
    import analysis
    import cache

    files = {"cache": cache.__file__, "analysis": analysis.__file__}
    import random

    return {**files, "random": random.__file__, "pid": os.getpid(), "group": os.getpgrp()}


def load_torch(state):
    import torch

    return torch.ones(2).sum().item()


def same_object(state):
    return id(state.config["module"])


TASKS = {
    task.__name__: task
    for task in (
        echo, frame, journal, nap, steps, complain, complain_later, bug, leave, odd_result,
        odd_step, numbers, shout, die, die_once, where, load_torch, same_object,
    )
}  # fmt: skip
