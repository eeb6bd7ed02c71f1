"""The brokers, and the private hooks of dramatiq they stand on: a new dramatiq that breaks one fails here."""

from __future__ import annotations

import threading
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pika
import pytest
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.worker import Worker

from sanzhi_workers.bind import bind
from sanzhi_workers.broker import ConfirmedBroker, MemoryBroker, QuorumBroker, _patient, make_broker
from sanzhi_workers.lanes import Lane, _QueueWorker


def declared(url: str, queue: str) -> bool:
    """Whether a queue exists on the server."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    try:
        connection.channel().queue_declare(queue, passive=True)
    except pika.exceptions.ChannelClosedByBroker as answer:
        return answer.reply_code != 404
    finally:
        connection.close()
    return True


def test_hooks_of_dramatiq_that_we_override_exist():
    for name in ("_declare_dq_queue", "_declare_xq_queue", "_build_queue_arguments"):
        assert callable(getattr(RabbitmqBroker, name))
    assert callable(Worker._add_consumer)


def test_the_default_is_in_memory():
    assert isinstance(make_broker(None), MemoryBroker)
    assert isinstance(make_broker(""), MemoryBroker)
    assert make_broker(None).middleware == []


def test_an_unknown_queue_type_is_refused():
    with pytest.raises(ValueError, match="queue type 'lazy'"):
        make_broker("amqp://127.0.0.1:1", queue_type="lazy")


def test_waits_are_bounded_unless_the_url_says_otherwise():
    query = parse_qs(urlsplit(_patient("amqp://u:p@h/%2f?heartbeat=7")).query)
    assert query["heartbeat"] == ["7"]
    assert query["blocked_connection_timeout"] == ["30"]
    assert _patient("amqp://u:p@h/%2f").startswith("amqp://u:p@h/%2f?")
    assert pika.URLParameters(_patient("amqp://u:p@h/%2f")).virtual_host == "/"


def test_a_lane_without_queues_is_refused():
    with pytest.raises(ValueError, match="lane bulk has no queues"):
        Lane("bulk", set(), MemoryBroker(), None, None, threads=1)  # type: ignore[arg-type]


def test_nobody_waits_on_delay_queues():
    broker = MemoryBroker()
    bind(broker, {"normal": {"q.core.normal"}}, lambda _lane, _id: None)
    worker = _QueueWorker(broker, queues={"q.core.normal"}, worker_threads=1)
    worker.start()
    try:
        assert set(worker.consumers) == {"q.core.normal"}
    finally:
        worker.stop()


@pytest.mark.rabbitmq
def test_publishing_is_confirmed_and_needs_no_delay_queue(rabbitmq: str, prefix: str):
    broker = make_broker(rabbitmq)
    assert isinstance(broker, ConfirmedBroker)
    assert broker.confirm_delivery
    (actor,) = bind(broker, {"normal": {f"{prefix}core.normal"}}, lambda _lane, _id: None).values()
    broker.enqueue(actor.message("1"))
    assert declared(rabbitmq, f"{prefix}core.normal")
    assert declared(rabbitmq, f"{prefix}core.normal.XQ")
    assert not declared(rabbitmq, f"{prefix}core.normal.DQ")
    broker.close()


@pytest.mark.rabbitmq
def test_a_queue_that_vanished_is_made_again(rabbitmq: str, prefix: str):
    """`mandatory` turns a message without a queue into an error, and dramatiq declares the queue again."""
    broker = make_broker(rabbitmq)
    (actor,) = bind(broker, {"normal": {f"{prefix}core.normal"}}, lambda _lane, _id: None).values()
    broker.enqueue(actor.message("1"))
    connection = pika.BlockingConnection(pika.URLParameters(rabbitmq))
    connection.channel().queue_delete(f"{prefix}core.normal")
    broker.enqueue(actor.message("2"))
    method, _, body = connection.channel().basic_get(f"{prefix}core.normal", auto_ack=True)
    assert method is not None
    assert b'["2"]' in body
    connection.close()
    broker.close()


@pytest.mark.rabbitmq
def test_quorum_queues_are_quorum_and_deliver(rabbitmq: str, prefix: str):
    queue = f"{prefix}core.normal"
    broker = make_broker(rabbitmq, queue_type="quorum")
    assert isinstance(broker, QuorumBroker)
    got: list[Any] = []
    arrived = threading.Event()

    def take(_lane: str, delivery_id: Any) -> None:
        got.append(str(delivery_id))
        arrived.set()

    (actor,) = bind(broker, {"normal": {queue}}, take).values()
    worker = _QueueWorker(broker, queues={queue}, worker_threads=1, worker_timeout=100)
    worker.start()
    try:
        broker.enqueue(actor.message("01a20492-e332-7077-ac7b-16ad80dca91b"))
        assert arrived.wait(10)
    finally:
        worker.stop()
    assert got == ["01a20492-e332-7077-ac7b-16ad80dca91b"]
    # by the server's own word: the same queue as a classic one is refused for its type
    connection = pika.BlockingConnection(pika.URLParameters(rabbitmq))
    wanted = {**broker._build_queue_arguments(queue), "x-queue-type": "classic"}
    with pytest.raises(pika.exceptions.ChannelClosedByBroker, match=r"x-queue-type.*quorum"):
        connection.channel().queue_declare(queue, durable=True, arguments=wanted)
    connection.close()
    broker.close()
