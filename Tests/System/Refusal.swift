import Testing

/// A request that must be refused, and the expected response.
struct Refusal: Sendable, CustomTestStringConvertible {
    let what: String
    let request: ShopRequest
    let status: Int
    /// The last part of the problem's type.
    let reason: String
    /// The field in the problem; `nil` when there is none.
    var field: String?

    var testDescription: String { what }

    static let all = bodies + quantities + identities + tokens + requests

    private static let bodies = [
        order("truncated JSON", body: #"{"lines":"#, status: 400, reason: "request.malformed", field: "lines"),
        order("text that is not JSON", body: "mugs, please", status: 400, reason: "request.malformed", field: "body"),
        order("a list instead of an object", body: "[]", status: 400, reason: "request.invalid", field: "body"),
        order("no body", body: "", status: 400, reason: "request.invalid", field: "payment_method"),
        order(
            "an unknown field",
            body: #"{"payment_method":"pm_test_ok","gift":true}"#,
            status: 400,
            reason: "request.invalid",
            field: "gift"
        ),
        order(
            "an unknown field in a line",
            body: PlacedOrder.body(#"{"sku":"MUG","quantity":1,"colour":"red"}"#),
            status: 400,
            reason: "request.invalid",
            field: "lines[0].colour"
        ),
        order(
            "a missing field",
            body: #"{"lines":[{"sku":"MUG","quantity":1}]}"#,
            status: 400,
            reason: "request.invalid",
            field: "payment_method"
        ),
        order(
            "a number instead of a string",
            body: #"{"lines":[{"sku":"MUG","quantity":1}],"payment_method":7}"#,
            status: 400,
            reason: "request.invalid",
            field: "payment_method"
        ),
        order(
            "an object instead of a list",
            body: #"{"lines":{"sku":"MUG"},"payment_method":"pm_test_ok"}"#,
            status: 400,
            reason: "request.invalid",
            field: "lines"
        ),
        order(
            "an order without lines",
            body: PlacedOrder.body(""),
            status: 400,
            reason: "orders.empty",
            field: "lines"
        ),
        order(
            "an unknown product",
            body: PlacedOrder.body(#"{"sku":"NOPE","quantity":1}"#),
            status: 404,
            reason: "orders.unknown_sku",
            field: "lines[0].sku"
        ),
        order(
            "a body over the limit",
            body: String(repeating: " ", count: 2 << 20 | 1),
            status: 413,
            reason: "request.too_large",
            field: "body"
        ),
        order(
            "a body of another media type",
            body: PlacedOrder.oneMug,
            status: 415,
            reason: "request.media_type",
            field: "Content-Type",
            headers: ["Content-Type": "text/plain"]
        ),
    ]

    private static let quantities = [
        ("0", "a quantity of 0"), ("100001", "a quantity above the limit"), ("-1", "a quantity below 0"),
        ("99999999999999999999", "a number out of range"), ("1.5", "a fraction"),
        (#""two""#, "a string instead of a number"),
        ("true", "a Boolean instead of a number"), ("[1]", "a list instead of a number"),
    ].map { quantity, what in
        order(
            what,
            body: PlacedOrder.body(#"{"sku":"MUG","quantity":1},{"sku":"MUG","quantity":\#(quantity)}"#),
            status: 400,
            reason: "request.invalid",
            field: "lines[1].quantity"
        )
    }

    private static let identities = [
        Refusal(
            what: "no token",
            request: .order(key: "k", as: .anonymous),
            status: 401,
            reason: "auth.unauthenticated"
        ),
        Refusal(
            what: "a malformed token",
            request: .order(key: "k", as: .header("Bearer mug")),
            status: 401,
            reason: "auth.unauthenticated"
        ),
        Refusal(
            what: "a token with the claims of another",
            request: .order(key: "k", as: .forged),
            status: 401,
            reason: "auth.unauthenticated"
        ),
        Refusal(
            what: "a password",
            request: .order(key: "k", as: .header("Basic YW5uOmFubg==")),
            status: 401,
            reason: "auth.unauthenticated"
        ),
        Refusal(
            what: "the wrong scope",
            request: ShopRequest(path: "/v1/orders:summary"),
            status: 403,
            reason: "auth.forbidden"
        ),
        Refusal(
            what: "the wrong scope, with an incomplete body",
            request: ShopRequest(method: "PUT", path: "/v1/deliveries/d", body: "{}"),
            status: 403,
            reason: "auth.forbidden"
        ),
    ]

    /// All signed, all but one with the shop's own key.
    private static let tokens: [Refusal] = [
        ("a token that has expired", MintedToken(expiresIn: -60)),
        ("a token that is not valid yet", MintedToken(validIn: 120)),
        ("a token of another issuer", MintedToken(issuer: "https://login.example")),
        ("a token for another audience", MintedToken(audience: "warehouse")),
        ("an identity token", MintedToken(type: "JWT")),
        ("a token with the algorithm none", MintedToken(algorithm: "none")),
        ("a token signed with an unknown key", MintedToken(isSignedByUnknownKey: true)),
    ].map { what, token in
        Refusal(
            what: what,
            request: .order(key: "k", as: .minted(token)),
            status: 401,
            reason: "auth.unauthenticated"
        )
    }

    private static let requests = [
        Refusal(
            what: "no Idempotency-Key",
            request: .order(key: nil),
            status: 400,
            reason: "idempotency.key_missing",
            field: "Idempotency-Key"
        ),
        Refusal(
            what: "an Idempotency-Key that is too long",
            request: .order(key: String(repeating: "k", count: 1_000)),
            status: 400,
            reason: "request.invalid",
            field: "Idempotency-Key"
        ),
        Refusal(
            what: "a page that is too large",
            request: ShopRequest(path: "/v1/products?page_size=201"),
            status: 400,
            reason: "request.invalid",
            field: "page_size"
        ),
        Refusal(
            what: "a page size that is not a number",
            request: ShopRequest(path: "/v1/products?page_size=ten"),
            status: 400,
            reason: "request.invalid",
            field: "page_size"
        ),
        Refusal(
            what: "an unknown page token",
            request: ShopRequest(path: "/v1/products?page_token=mug"),
            status: 400,
            reason: "request.invalid",
            field: "page_token"
        ),
        Refusal(
            what: "an unknown parameter",
            request: ShopRequest(path: "/v1/products?colour=red"),
            status: 400,
            reason: "request.invalid",
            field: "colour"
        ),
        Refusal(
            what: "an unknown value of an enumeration",
            request: ShopRequest(path: "/v1/orders?status=LOST"),
            status: 400,
            reason: "request.invalid",
            field: "status"
        ),
        Refusal(
            what: "a product that is not in the catalogue",
            request: ShopRequest(path: "/v1/products/NOPE"),
            status: 404,
            reason: "catalog.unknown_sku",
            field: "sku"
        ),
        Refusal(
            what: "an order that does not exist",
            request: ShopRequest(path: "/v1/orders/nope"),
            status: 404,
            reason: "orders.unknown_order",
            field: "order_id"
        ),
        Refusal(
            what: "a timeout that is not a number",
            request: ShopRequest(path: "/v1/products", headers: ["x-request-timeout": "soon"]),
            status: 400,
            reason: "request.invalid",
            field: "x-request-timeout"
        ),
        Refusal(
            what: "an unknown path",
            request: ShopRequest(path: "/v2/mugs"),
            status: 404,
            reason: "request.unknown_path"
        ),
        Refusal(
            what: "an internal gRPC path",
            request: ShopRequest(path: "/shop.catalog.v1.CatalogService/QuotePrices"),
            status: 404,
            reason: "request.unknown_path"
        ),
    ]

    private static func order(
        _ what: String,
        body: String,
        status: Int,
        reason: String,
        field: String,
        headers: [String: String] = [:]
    ) -> Refusal {
        Refusal(
            what: what,
            request: .order(body, key: "refused", headers),
            status: status,
            reason: reason,
            field: field
        )
    }
}
