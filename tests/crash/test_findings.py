"""What work on the crash proof found in the engine, each as the shortest story that shows it."""

from ringback.delivery.queue import Queue
from ringback.domain.deliveries import Delivery

LANE = 7


def delivery(number: int) -> Delivery:
    return Delivery(
        delivery_id=number,
        endpoint_id=1,
        lane=LANE,
        sequence=number,
        webhook_id=f"evt_{number}",
        event="message.status",
        body=b"",
        created_at=0,
    )


def test_a_read_that_began_before_a_refusal_lets_nobody_overtake_the_refused_one() -> None:
    """The read has still seen the next event as pending; by the time it comes in, it is blocked behind the refused one."""
    first, second = delivery(1), delivery(2)
    queue = Queue(1)
    queue.configured = True
    queue.begin_refill()
    queue.refill([first], complete=True)
    queue.start(first, 0)
    queue.distrust()
    queue.begin_refill()
    queue.answered(first)
    queue.held(first)
    queue.refill([first, second], complete=True)
    assert queue.peek() is None
    assert queue.wants_refill  # what is really pending by now is read again
