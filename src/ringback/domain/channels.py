"""The six channel slots of a device."""

from enum import IntEnum


class Channel(IntEnum):
    """``channel_id`` (``sim`` in the image webhook): the founding document's slot numbers."""

    SIM_1 = 0
    SIM_2 = 1
    WHATSAPP_BUSINESS = 2
    WHATSAPP = 3
    RCS_SIM_1 = 4
    RCS_SIM_2 = 5


NAMES: dict[Channel, str] = {
    Channel.SIM_1: "SIM 1",
    Channel.SIM_2: "SIM 2",
    Channel.WHATSAPP_BUSINESS: "WhatsApp Business",
    Channel.WHATSAPP: "WhatsApp",
    Channel.RCS_SIM_1: "RCS (SIM 1)",
    Channel.RCS_SIM_2: "RCS (SIM 2)",
}
ALL = frozenset(Channel)
# On these slots a recipient is a dialled number; elsewhere it may also be a name that the service gave.
SMS = frozenset({Channel.SIM_1, Channel.SIM_2})
