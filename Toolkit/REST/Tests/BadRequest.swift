import HTTPTypes
import Testing

/// A request that must be refused, and the expected problem.
struct BadRequest: Sendable, CustomTestStringConvertible {
    let title: String
    let method: HTTPRequest.Method
    let path: String
    let body: String?
    let token: String?
    let headers: [(String, String)]
    let status: Int
    let reason: String
    let fields: [String]

    init(
        _ title: String,
        _ method: HTTPRequest.Method = .put,
        path: String = "/v1/parcels/p1",
        body: String? = nil,
        token: String? = "anna parcels:write",
        headers: [(String, String)] = [],
        status: Int,
        reason: String,
        fields: [String] = []
    ) {
        self.title = title
        self.method = method
        self.path = path
        self.body = body
        self.token = token
        self.headers = headers
        self.status = status
        self.reason = reason
        self.fields = fields
    }

    var testDescription: String { title }

    static let all = [
        BadRequest(
            "malformed JSON",
            body: "{\"items\":[",
            status: 400,
            reason: "request.malformed",
            fields: ["items[0]"]
        ),
        BadRequest(
            "unknown field",
            body: #"{"colour":1}"#,
            status: 400,
            reason: "request.invalid",
            fields: ["colour"]
        ),
        BadRequest(
            "wrong type",
            body: #"{"items":[{"quantity":"1"}]}"#,
            status: 400,
            reason: "request.invalid",
            fields: ["items[0].quantity"]
        ),
        BadRequest(
            "out of the type's range",
            body: #"{"items":[{"quantity":-1}]}"#,
            status: 400,
            reason: "request.invalid",
            fields: ["items[0].quantity"]
        ),
        BadRequest(
            "quantity 0",
            body: #"{"items":[{"name":"a","quantity":0}]}"#,
            status: 400,
            reason: "request.invalid",
            fields: ["items[0].quantity"]
        ),
        BadRequest(
            "over the limit",
            body: #"{"items":[{"name":"a","quantity":1001}]}"#,
            status: 400,
            reason: "request.invalid",
            fields: ["items[0].quantity"]
        ),
        BadRequest("empty body", status: 400, reason: "request.invalid", fields: ["items"]),
        BadRequest(
            "path too long",
            .put,
            path: "/v1/parcels/p1234567890",
            body: RESTResponderTests.validBody,
            status: 400,
            reason: "request.invalid",
            fields: ["parcel_id"]
        ),
        BadRequest(
            "unknown parameter",
            .get,
            path: "/v1/parcels?colour=1",
            token: "anna parcels:read",
            status: 400,
            reason: "request.invalid",
            fields: ["colour"]
        ),
        BadRequest(
            "body over the limit",
            body: String(repeating: " ", count: 1_001),
            status: 413,
            reason: "request.too_large",
            fields: ["body"]
        ),
        BadRequest(
            "content length that no integer holds",
            headers: [("content-length", "9223372036854775808")],
            status: 413,
            reason: "request.too_large",
            fields: ["body"]
        ),
        BadRequest(
            "no token",
            body: RESTResponderTests.validBody,
            token: nil,
            status: 401,
            reason: "auth.unauthenticated"
        ),
        BadRequest(
            "forged token",
            body: RESTResponderTests.validBody,
            token: "forged",
            status: 401,
            reason: "auth.unauthenticated"
        ),
        BadRequest(
            "forged token where none is needed",
            .get,
            path: "/v1/parcels/p1",
            token: "forged",
            status: 401,
            reason: "auth.unauthenticated"
        ),
        BadRequest(
            "wrong scope",
            body: RESTResponderTests.validBody,
            token: "anna parcels:read",
            status: 403,
            reason: "auth.forbidden"
        ),
        BadRequest(
            "no key",
            .post,
            path: "/v1/parcels",
            body: "{}",
            status: 400,
            reason: "idempotency.key_missing",
            fields: ["Idempotency-Key"]
        ),
        BadRequest(
            "bad key",
            body: RESTResponderTests.validBody,
            headers: [("Idempotency-Key", "a b")],
            status: 400,
            reason: "request.invalid",
            fields: ["Idempotency-Key"]
        ),
        BadRequest(
            "bad timeout",
            body: RESTResponderTests.validBody,
            headers: [("x-request-timeout", "1s")],
            status: 400,
            reason: "request.invalid",
            fields: ["x-request-timeout"]
        ),
        BadRequest(
            "media type",
            body: RESTResponderTests.validBody,
            headers: [("Content-Type", "text/plain")],
            status: 415,
            reason: "request.media_type",
            fields: ["Content-Type"]
        ),
        BadRequest(
            "compressed",
            body: RESTResponderTests.validBody,
            headers: [("Content-Encoding", "gzip")],
            status: 415,
            reason: "request.media_type",
            fields: ["Content-Encoding"]
        ),
        BadRequest(
            "domain refusal",
            body: RESTResponderTests.body(onShelf: "full"),
            status: 409,
            reason: "parcel.shelf_full"
        ),
        BadRequest(
            "dependency down",
            body: RESTResponderTests.body(onShelf: "away"),
            status: 503,
            reason: "unavailable"
        ),
        BadRequest("a bug", body: RESTResponderTests.body(onShelf: "bug"), status: 500, reason: "internal"),
        BadRequest("unknown path", .get, path: "/v1/nothing", status: 404, reason: "request.unknown_path"),
        BadRequest("unknown verb", .delete, status: 405, reason: "request.method_not_allowed"),
        BadRequest(
            "a method without a REST path",
            .get,
            path: "/martlet.testing.v1.ParcelService/WeighParcel",
            status: 404,
            reason: "request.unknown_path"
        ),
    ]
}
