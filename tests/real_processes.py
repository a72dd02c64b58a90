"""Groups of real processes that carry out what a test asks for."""

import os
import socket
from collections.abc import Callable
from multiprocessing import get_context
from typing import Any

import torch

from lt_course.training.loop import Interrupted
from lt_course.web.torchrun import VARIABLES, process_group

# One process imports everything, and the others are forked from it.
SPAWN = get_context("forkserver")
SPAWN.set_forkserver_preload(["lt_course.study"])


def environment(rank: int, size: int, port: int) -> dict[str, str]:
    values = (rank, size, rank, "127.0.0.1", port)
    return dict(zip(VARIABLES, map(str, values), strict=True))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def serve(variables: dict[str, str], orders: Any) -> None:
    """Carry out what is asked for, as one process of a group."""
    torch.set_num_threads(1)
    os.environ.update(variables)
    with process_group(torch.device("cpu")):
        while (order := orders.recv()) is not None:
            try:
                orders.send(order())
            except (Exception, Interrupted) as error:  # noqa: BLE001 (the test decides)
                orders.send(error)


class Group:
    """Processes that wait for orders."""

    def __init__(self, size: int) -> None:
        port, self.pipes, self.processes = free_port(), [], []
        for number in range(size):
            here, there = SPAWN.Pipe()
            process = SPAWN.Process(
                target=serve, args=(environment(number, size, port), there), daemon=True
            )
            process.start()
            there.close()
            self.pipes.append(here)
            self.processes.append(process)

    def start(self, order: Callable[[], Any] | None) -> None:
        for pipe in self.pipes:
            pipe.send(order)

    def answers(self) -> list[Any]:
        assert all(pipe.poll(300) for pipe in self.pipes), "a process does not answer"
        return [pipe.recv() for pipe in self.pipes]

    def all(self, order: Callable[[], Any]) -> list[Any]:
        """What each process returns, or the exception that it raised."""
        self.start(order)
        return self.answers()

    def close(self) -> None:
        self.start(None)
        for process in self.processes:
            process.join(10)
            process.kill()
