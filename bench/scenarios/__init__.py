"""What can be measured: a file each, in the order in which it is played."""

from bench.scenario import Scenario
from bench.scenarios import backlog, incoming, isolation, outage, outgoing, start

SCENARIOS: dict[str, Scenario] = {
    module.SCENARIO.name: module.SCENARIO
    for module in (start, incoming, outgoing, isolation, backlog, outage)
}
