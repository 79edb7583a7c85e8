"""The headers of a webhook request. (contracts/webhooks.md section 4)"""

from collections.abc import Sequence
from importlib.metadata import version

from ringback.domain.deliveries import Delivery
from ringback.wire.signature import header

USER_AGENT = f"Ringback/{version('ringback')}"


def headers(
    delivery: Delivery, *, secrets: Sequence[bytes], signing_keys: Sequence[str], timestamp: int
) -> list[str]:
    """``timestamp`` is this attempt's, in unix seconds; the id is the same on every attempt."""
    signature = header(secrets, signing_keys, delivery.webhook_id, timestamp, delivery.body)
    return [
        "Content-Type: application/json",
        f"User-Agent: {USER_AGENT}",
        f"webhook-id: {delivery.webhook_id}",
        f"webhook-timestamp: {timestamp}",
        f"webhook-signature: {signature}",
        f"ringback-event: {delivery.event}",
        f"ringback-sequence: {delivery.sequence}",
        f"ringback-attempt: {delivery.attempts + 1}",
        "Expect:",  # no asking beforehand: it would cost a round trip
        "Accept: */*",
    ]
