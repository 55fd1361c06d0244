/// RFC 9457 problems: their schema, and what each status means.
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
                        ("description", "`/problems/` and the reason.")
                    )
                ),
                ("title", .members(("type", "string"))),
                ("status", .members(("type", "integer"))),
                ("detail", .members(("type", "string"), ("description", "Safe to show."))),
                (
                    "instance",
                    .members(("type", "string"), ("description", "The request's id, as in the header `x-request-id`."))
                ),
                (
                    "reason",
                    .members(
                        ("type", "string"),
                        ("description", "Stable: branch on it, as in `request.invalid`.")
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
                ("field", .members(("type", "string"), ("description", "Its path, as in `lines[3].quantity`."))),
                ("rule", .members(("type", "string"))),
            ])
        ),
        ("required", .list(["field", "rule"]))
    )

    private static let meanings: [(Int, String)] = [
        (400, "The request breaks the contract: `violations` names every field."),
        (401, "A token is missing, or not valid."),
        (403, "The token lacks the scope."),
        (404, "There is no such thing, or it is another's."),
        (409, "The state of things forbids it, or a request with the same key is on its way."),
        (413, "The body is over the limit."),
        (415, "The body is not `application/json`."),
        (422, "The `Idempotency-Key` was used with another body."),
        (429, "Too much at once: come back later."),
        (500, "A fault of ours."),
        (503, "A service is away: come back after `Retry-After` seconds."),
        (504, "The time was over before the answer: it may or may not have happened."),
    ]

    static let responses: [(String, JSON)] = meanings.map { status, meaning in
        (
            "Problem\(status)",
            .members(
                ("description", .text(meaning)),
                ("headers", status == 503 || status == 429 ? retryAfter : nil),
                (
                    "content",
                    .object([
                        ("application/problem+json", .object([("schema", .reference("#/components/schemas/Problem"))]))
                    ])
                )
            )
        )
    }

    private static let retryAfter = JSON.object([
        (
            "Retry-After",
            .members(("description", "Seconds."), ("schema", .members(("type", "integer"), ("minimum", 0))))
        )
    ])
}
