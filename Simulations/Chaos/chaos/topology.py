"""Which programs make up the shop, which services they hold, and who asks whom."""

GATEWAY = "gatewayd"
EVENT_LOG = "eventlogd"
# Program to the service that it holds, as the registry knows it; the one that others stand on comes first.
SERVICES = {
    EVENT_LOG: "eventlog",
    "testproviderd": "provider",
    "catalogd": "catalog",
    "inventoryd": "inventory",
    "paymentsd": "payments",
    "cartsd": "carts",
    "ordersd": "orders",
    GATEWAY: "gateway",
}
PROGRAMS = list(SERVICES)
WITH_DATABASE = [program for program in PROGRAMS if program != GATEWAY]
# Who keeps an outbox, an inbox and workflows.
BLUEPRINTS = [program for program in WITH_DATABASE if program != EVENT_LOG]


def program_of(service):
    return next(program for program, held in SERVICES.items() if held == service)
