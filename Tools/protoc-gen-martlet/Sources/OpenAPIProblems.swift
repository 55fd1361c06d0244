/// RFC 9457 problems: the schema, and the description of each status.
enum OpenAPIProblems {
    static let schema = JSON.members(
        ("type", "object"),
        ("description", "RFC 9457."),
        (
            "properties",
            .object([
                (
                    "type",
                    .members(
                        ("type", "string"),
                        ("format", "uri-reference"),
                        ("description", "`/problems/` followed by the reason.")
                    )
                ),
                ("title", .members(("type", "string"))),
                ("status", .members(("type", "integer"))),
                (
                    "detail",
                    .members(
                        ("type", "string"),
                        ("description", "Safe to show to a user; begins with the field that broke a rule.")
                    )
                ),
                (
                    "instance",
                    .members(("type", "string"), ("description", "The request's id, as in the header `x-request-id`."))
                ),
                (
                    "reason",
                    .members(
                        ("type", "string"),
                        ("description", "A stable identifier for error handling, as in `request.invalid`.")
                    )
                ),
                ("violations", .members(("type", "array"), ("items", violation))),
            ])
        ),
        ("required", .list(["type", "title", "status", "instance", "reason"]))
    )

    private static let violation = JSON.members(
        ("type", "object"),
        (
            "properties",
            .object([
                ("field", .members(("type", "string"), ("description", "Field path, as in `lines[3].quantity`."))),
                ("rule", .members(("type", "string"))),
            ])
        ),
        ("required", .list(["field", "rule"]))
    )

    private static let descriptions: [(Int, String)] = [
        (400, "The request violates the contract: `violations` lists every field."),
        (401, "The token is missing or invalid."),
        (403, "The token lacks the required scope."),
        (404, "The resource does not exist, or the caller may not see it."),
        (409, "The resource's state does not allow it, or a request with the same key is in flight."),
        (413, "The body is larger than the limit."),
        (415, "The body is not `application/json`."),
        (422, "The `Idempotency-Key` was used with another body."),
        (429, "Too many requests, of the caller (`rate_limited`) or of all: retry after `Retry-After` seconds."),
        (500, "An internal error."),
        (503, "A service is unavailable: retry after `Retry-After` seconds."),
        (504, "The deadline expired before the response: the outcome is unknown."),
    ]

    static let responses: [(String, JSON)] = descriptions.map { status, description in
        (
            "Problem\(status)",
            .members(
                ("description", .text(description)),
                ("headers", OpenAPIHeaders.of(problem: status)),
                (
                    "content",
                    .object([
                        ("application/problem+json", .object([("schema", .reference("#/components/schemas/Problem"))]))
                    ])
                )
            )
        )
    }
}
