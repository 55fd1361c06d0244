/// The headers of responses.
enum OpenAPIHeaders {
    /// Those that several responses have, by the names of their components.
    static let shared: [(String, JSON)] = [
        (
            "RateLimit",
            text(
                "Behind a gateway with limits: how many more requests of the caller are accepted at once (`r`), and how many "
                    + "seconds later all of them are again (`t`); draft-ietf-httpapi-ratelimit-headers-11."
            )
        ),
        (
            "RateLimitPolicy",
            text(
                "Behind a gateway with limits: the limit that applies, of requests (`q`) in a number of seconds (`w`)."
            )
        ),
    ]

    /// Those about the caller's limit, which every response of a limited operation may have.
    static let limits: [(String, JSON)] = [
        ("RateLimit", .reference("#/components/headers/RateLimit")),
        ("RateLimit-Policy", .reference("#/components/headers/RateLimitPolicy")),
    ]

    static let retryAfter: [(String, JSON)] = [
        (
            "Retry-After",
            .members(("description", "Seconds."), ("schema", .members(("type", "integer"), ("minimum", 0))))
        )
    ]

    /// Those of a problem; `nil` when it has none of its own.
    static func of(problem status: Int) -> JSON? {
        switch status {
        case 429: .object(retryAfter + limits)
        case 503: .object(retryAfter)
        default: nil
        }
    }

    private static func text(_ description: String) -> JSON {
        .members(("description", .text(description)), ("schema", .members(("type", "string"))))
    }
}
