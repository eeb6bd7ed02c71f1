"""The message broker: RabbitMQ with confirms, or a memory broker inside the process.

Messages carry delivery ids and nothing else; what they mean, and that they are not lost, is in the delivery
rows. So there are no retries, no delays and no results here: `middleware=[]`.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import dramatiq
import pika
from dramatiq.brokers.rabbitmq import DEAD_MESSAGE_TTL, RabbitmqBroker
from dramatiq.brokers.stub import StubBroker
from dramatiq.common import xq_name

QUEUE_TYPES = ("classic", "quorum")
DELIVERY_LIMIT = 5
"""A quorum queue drops a message that took its worker down this often; its row brings it back by lease."""

_PATIENCE = {
    "heartbeat": "30",
    "blocked_connection_timeout": "30",
    "socket_timeout": "5",
    "stack_timeout": "10",
    "connection_attempts": "1",
}


class ConfirmedBroker(RabbitmqBroker):
    """Classic durable queues, publisher confirms with `mandatory`, no delay queues (delays are `run_at`)."""

    def __init__(self, url: str) -> None:
        super().__init__(url=_patient(url), confirm_delivery=True, middleware=[])

    # Private hook of dramatiq 2.2 (pinned <2.3; tests/workers/test_broker.py watches it).
    def _declare_dq_queue(self, queue_name: str) -> None:
        return None

    def keep_alive(self) -> None:
        """Serve heartbeats of this thread's connection, opening it if need be.

        Raises pika.exceptions.AMQPError or OSError when the server is out of reach.
        """
        try:
            self.connection.process_data_events(0)
        except Exception:
            del self.connection
            raise


class QuorumBroker(ConfirmedBroker):
    """The same on quorum queues, for clusters. Changing the type needs a new prefix; drain the old queues."""

    def _build_queue_arguments(self, queue_name: str) -> dict[str, Any]:
        return {
            **super()._build_queue_arguments(queue_name),  # type: ignore[no-untyped-call]
            "x-queue-type": "quorum",
            "x-delivery-limit": DELIVERY_LIMIT,
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        }

    def _declare_xq_queue(self, queue_name: str) -> Any:
        arguments = {"x-queue-type": "quorum", "x-message-ttl": DEAD_MESSAGE_TTL}
        return self.channel.queue_declare(queue=xq_name(queue_name), durable=True, arguments=arguments)


class MemoryBroker(StubBroker):
    """Dramatiq's in-process broker. It forgets everything with the process; the rows do not."""

    def __init__(self) -> None:
        super().__init__(middleware=[])


def make_broker(url: str | None, *, queue_type: str = "classic") -> dramatiq.Broker:
    """The broker for `SANZHI_BROKER_URL`; in this process's memory when there is none."""
    if not url:
        return MemoryBroker()
    if queue_type not in QUEUE_TYPES:
        raise ValueError(f"queue type {queue_type!r} is none of {', '.join(QUEUE_TYPES)}")
    return QuorumBroker(url) if queue_type == "quorum" else ConfirmedBroker(url)


def _patient(url: str) -> str:
    """Bounded waits, so that a server that hangs looks like one that is down."""
    parts = urlsplit(url)
    query = {**_PATIENCE, **dict(parse_qsl(parts.query))}
    return urlunsplit(parts._replace(query=urlencode(query)))


def reachable(url: str) -> str | None:
    """None when RabbitMQ answers at `url`, else the kind of fault."""
    try:
        pika.BlockingConnection(pika.URLParameters(url)).close()
    except (pika.exceptions.AMQPError, OSError, ValueError) as fault:
        return f"RabbitMQ does not answer: {type(fault).__name__}"
    return None
