"""The stages of an order: which functions, transactions and calls belong to each.

A sample, a transaction or a call belongs to the first stage of `STAGES` that matches it, so each is counted once. A sample
matches when one function of its stack does.
"""

import re
from collections import namedtuple

ANY = ""
# `functions`: by process, or of ANY process. `transactions`: `service: name`. `calls`: `service method`.
Stage = namedtuple("Stage", "name functions transactions calls")


def stage(name, functions, transactions="", calls=""):
    return Stage(
        name, {process: re.compile(pattern, re.MULTILINE) for process, pattern in functions.items()},
        re.compile(f"(?:{transactions})$") if transactions else None, re.compile(calls) if calls else None,
    )  # fmt: skip


STAGES = [
    stage("accept at the gateway", {"gatewayd": ""}, calls=r"gateway "),
    # Before the stages of an order, whose functions a return uses, too.
    stage(
        "beside orders: returns, corrections, products",
        {
            "catalogd": r"Import(Products)?(Request|Response)|CatalogHandler",
            "ordersd": r"ReturnWorkflow|OrdersHandler\.returnOrder|(ReturnOrder|\bReceive|Refund)(Request|Response)",
            "inventoryd": r"InventoryHandler\.(correct|receive)\b|Correct(Request|Response)|Receive(Request|Response)",
            "paymentsd": r"PaymentsHandler\.refund|Refund(Request|Response)",
            "testproviderd": r"ProviderHandler\.createRefund|Refund(Request|Response)",
        },
        r"payments: refund.*|catalog: request",
        r"/(ReturnOrder|Receive|Correct|Refund|CreateRefund|ImportProducts)$",
    ),
    stage(
        "place",
        {"ordersd": r"OrdersHandler\.place|Place(Agreed)?Order(Request|Response)"},
        r"orders: request",
        r"OrdersService/Place",
    ),
    stage(
        "reserve",
        {ANY: r"Checkout\.reserve|InventoryHandler\.reserve|Reserve(Request|Response)"},
        calls=r"InventoryService/Reserve$",
    ),
    stage(
        "authorise",
        {ANY: r"Checkout\.authorise|PaymentsHandler\.authorise|ProviderHandler\.createPayment|(Authorise|CreatePayment)(Request|Response)"},
        r"payments: authorise: .*",
        r"PaymentsService/Authorise$|ProviderService/CreatePayment$",
    ),
    stage(
        "confirm",
        {ANY: r"Checkout\.confirm|InventoryHandler\.confirm|Confirm(Request|Response)"},
        calls=r"InventoryService/Confirm$",
    ),
    stage(
        "settle",
        {"ordersd": r"WorkflowContext\.(complete|finish)|WorkflowEngine\.(ended|executed)"},
        r"orders: workflow\.settle",
    ),
    stage(
        "capture",
        {
            ANY: r"Checkout\.capture|WorkflowContext\.local|PaymentsHandler\.capture|ProviderHandler\.(capturePayment|updateCharge)"
            r"|Capture(Payment)?(Request|Response)"
        },
        r"payments: capture: .*|orders: workflow\.local",
        r"PaymentsService/Capture$|ProviderService/CapturePayment$",
    ),
    stage(
        "publish",
        {
            ANY: r"OutboxRelay|OutboxStore|OutboxRefusals|Publish(Request|Response)|EventLog\.(publish|store)"
            r"|EventLogHandler\.publish|EventLogStore\.store|EventLogState\.published"
        },
        r".*: outbox\.mark|eventlog: log\.publish",
        r"EventLogService/Publish$",
    ),
    stage(
        "deliver",
        {
            ANY: r"\bConsumer\.|Inbox|Subscription|(Join|Acknowledge)(Request|Response)|DeliveryRecord"
            r"|EventLog\.(receive|read|acknowledge|flush)|EventLogState|EventLogStore|EventLogHandler"
        },
        r".*: inbox\..*|eventlog: log\..*",
        r"EventLogService/(Acknowledge|Join|GiveBack|Leave)$",
    ),
    stage(
        "read",
        {
            "ordersd": r"OrdersHandler\.(getOrder|listOrders|getSummary|getTimeline|requireVisibleOrder)"
            r"|(GetOrder|ListOrders|GetSummary|GetTimeline)(Request|Response)"
        },
        calls=r"OrdersService/(Get|List)",
    ),
    # What all steps have in common: no function states the step.
    stage(
        "every step: journal, replay, claims",
        {"ordersd": r"Workflow(Context|Engine|Store|Claims|Replay)|RegisteredWorkflow|EngineState|\bJournal|\bExecution\b|Checkout"},
        r"orders: workflow\..*",
    ),
    stage(
        "authorise, capture: at payments and the provider",
        {
            "paymentsd": r"Payment(sHandler|Processor|Store)|\bPayment\b",
            "testproviderd": r"ProviderHandler|ProviderStore|KeyStore|\bCharge\b",
        },
        r"provider: keyed",
    ),
    stage("reserve, confirm: at inventory", {"inventoryd": r"InventoryHandler|StockStore"}, r"inventory: request"),
    stage(
        "place, read: REST at the services",
        {ANY: r"RESTCalls|RESTEdge|RESTServer|HTTPListener|RequestBinding|JSONCheck|JSONWriter|TokenVerifier"},
    ),
    stage("any stage: callers unknown", {ANY: r": callers unknown$"}),
    stage("any stage: databases, besides the bodies", {ANY: r"SQLiteThreads|GroupWriter|SQLJob"}),
    stage("any stage: event loops, HTTP and gRPC", {ANY: r"SelectableEventLoop|MultiThreadedEventLoopGroup"}),
    stage("any stage: tasks", {ANY: r"swift_job_run|runJobInEstablishedExecutorContext|_dispatch_worker_thread"}),
]
OTHER = "any stage: the rest"
NAMES = [one.name for one in STAGES] + [OTHER]


def of_stack(stack):
    """The stage of a stack."""
    names = "\n".join(frame.name for frame in stack.frames)
    for one in STAGES:
        for process, pattern in one.functions.items():
            if process in (ANY, stack.process) and pattern.search(names):
                return one.name
    return OTHER


def of_transaction(service, name):
    return next((one.name for one in STAGES if one.transactions and one.transactions.match(f"{service}: {name}")), OTHER)


def of_call(service, method):
    """The stage of a call; `None` for calls of operators, as of `martlet status`."""
    if method.startswith("/martlet.operate.") or method.endswith("EventLogService/Status"):
        return None
    return next((one.name for one in STAGES if one.calls and one.calls.search(f"{service} {method}")), OTHER)


def budget(counts, milliseconds, transactions, calls):
    """What each stage costs for one order: rows of name, transactions, calls, and milliseconds by process.

    `counts` are stacks; `milliseconds` is the processor time of each process for an order, of which a stage has the share
    that it has of the process's samples. `transactions` and `calls` are counts for an order.
    """
    rows = {name: {"name": name, "transactions": 0.0, "calls": 0.0, "milliseconds": {}} for name in NAMES}
    samples = {}
    for stack, count in counts.items():
        samples[stack.process] = samples.get(stack.process, 0) + count
    for stack, count in counts.items():
        spent = rows[of_stack(stack)]["milliseconds"]
        share = milliseconds.get(stack.process, 0) * count / samples[stack.process]
        spent[stack.process] = spent.get(stack.process, 0) + share
    # A process that was never sampled.
    for process, spent in milliseconds.items():
        if spent and process not in samples:
            rows[OTHER]["milliseconds"][process] = spent
    for (service, name), count in transactions.items():
        rows[of_transaction(service, name)]["transactions"] += count
    for (service, method), count in calls.items():
        if (found := of_call(service, method)) is not None:
            rows[found]["calls"] += count
    return [row for row in rows.values() if row["transactions"] or row["calls"] or row["milliseconds"]]
