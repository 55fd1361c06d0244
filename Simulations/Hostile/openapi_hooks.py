"""What schemathesis cannot read in the OpenAPI document: opaque values, and the refusals that a schema cannot state.

Loaded by schemathesis itself (SCHEMATHESIS_HOOKS). Every exception is narrow: one status, one reason and named rules.
"""

import json

import schemathesis
from hypothesis import strategies
from schemathesis.core.failures import AcceptedNegativeData, ServerError
from schemathesis.specs.openapi.checks import MissingHeaderNotRejected, RejectedPositiveData

# Only the server makes such texts: another one is refused. Empty is the first page.
schemathesis.openapi.format("page-token", strategies.just(""))

# Milliseconds, the server's timeout for a request that names none.
STANDARD_TIMEOUT = 10_000

# Fields whose values only the server knows or makes: by the end of the field's path.
FIELDS = ("currency", "page_token")
# Rules between fields, as the server states them, and one of a path variable for which stateful tests take other texts.
RULES = {
    "must be visible ASCII without spaces",
    "an order needs at least one line",
    "is a reserved name",
    "is required, or sku",
    "must not be given together with lines",
    "must have the same sign as units",
    "is that of a cart",
}
# The beginning of a rule that ends with what the caller sent, in another form.
RULE_BEGINNINGS = ("must be in Unicode's normal form C (NFC), which is ",)
# The end of a failure about a header that no document names: HTTP has them ignored (RFC 9110, section 5.1).
UNKNOWN_HEADER = "Invalid component: in header - object with unexpected properties"
# Refusals of the shop's own, which the operation's description lists.
REASONS = ("catalog.", "carts.", "inventory.", "orders.", "payments.")


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Whether a failure is one."""
    if isinstance(failure, (MissingHeaderNotRejected, RejectedPositiveData)) and is_limited(response):
        return False
    if isinstance(failure, (ServerError, MissingHeaderNotRejected)):
        return not (response.status_code == 504 and has_short_timeout(case))
    if isinstance(failure, RejectedPositiveData):
        return not is_stated(response)
    if isinstance(failure, AcceptedNegativeData):
        return not failure.message.endswith(UNKNOWN_HEADER)
    return True


def is_limited(response):
    """Whether a gateway with limits refused the caller, and not the request."""
    if response.status_code != 429:
        return False
    try:
        return json.loads(response.content).get("reason") == "rate_limited"
    except ValueError:
        return False


def has_short_timeout(case):
    """Whether the caller itself asked not to be waited for."""
    try:
        return float((case.headers or {}).get("x-request-timeout", STANDARD_TIMEOUT)) < STANDARD_TIMEOUT
    except ValueError:
        return False


def is_stated(response):
    """Whether the refusal is stated by the contract in words: by its reason, or by the rules of its fields."""
    try:
        problem = json.loads(response.content)
    except ValueError:
        return False
    reason = problem.get("reason", "")
    if response.status_code == 422:
        return reason == "idempotency.key_reused"
    if response.status_code != 400:
        return False
    if reason.startswith(REASONS):
        return True
    violations = problem.get("violations", [])
    return bool(violations) and all(is_of_words(violation["field"], violation["rule"]) for violation in violations)


def is_of_words(field, rule):
    """Whether a rule is one that the contract states in words only."""
    return rule in RULES or rule.startswith(RULE_BEGINNINGS) or field.rpartition(".")[2] in FIELDS
