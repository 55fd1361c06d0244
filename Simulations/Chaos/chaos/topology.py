"""The programs of the shop and their services."""

GATEWAY = "gatewayd"
EVENT_LOG = "eventlogd"
# Each program's service, by its name in the registry; services that others call come first.
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
# Programs with an outbox, an inbox and workflows.
BLUEPRINTS = [program for program in WITH_DATABASE if program != EVENT_LOG]


def program_of(service):
    return next(program for program, name in SERVICES.items() if name == service)
