public import HTTPTypes
public import MartletCore

/// A request of an endpoint beside contracts, with its whole body.
public struct RawRequest: Sendable {
    public let method: HTTPRequest.Method
    /// The path of the target, with its percent-encoding.
    public let path: String
    /// What follows the first `?` of the target; `nil` when it has none.
    public let query: String?
    public let headers: HTTPFields
    /// The bytes as they arrived, for signatures over them.
    public let body: [UInt8]
    /// Who sends it, by the token; anonymous without one.
    public let principal: Principal
    /// Identifies the request in logs and in the response.
    public let id: String
    /// When its caller stops waiting.
    public let deadline: Moment
    private let variables: [(name: String, value: String)]

    package init(
        _ request: ServerRequest,
        body: [UInt8],
        variables: [(name: String, value: String)],
        principal: Principal,
        id: String,
        deadline: Moment
    ) {
        method = request.method
        path = request.path
        query = request.query
        headers = request.headers
        self.body = body
        self.variables = variables
        self.principal = principal
        self.id = id
        self.deadline = deadline
    }

    /// The decoded value of a variable of the path's template; `nil` when the template has no such variable.
    public func variable(_ name: String) -> String? {
        variables.first { $0.name.utf8.elementsEqual(name.utf8) }?.value
    }

    /// The body as a form.
    ///
    /// - Throws: `Fault` with `invalidArgument` when it is not `application/x-www-form-urlencoded` in UTF-8.
    public func form() throws -> FormFields {
        let type = (headers[.contentType] ?? "").prefix { $0 != ";" }.lowercased().filter { $0 != " " }
        guard type == "application/x-www-form-urlencoded" else {
            throw Fault(
                .invalidArgument,
                "request.media_type",
                "must be application/x-www-form-urlencoded",
                field: "Content-Type"
            )
        }
        guard let text = String(validating: body, as: UTF8.self) else {
            throw Fault(.invalidArgument, "request.malformed", "must be UTF-8", field: "body")
        }
        return try FormFields(text)
    }

    /// The query as names and values; without any when there is no query.
    ///
    /// - Throws: `Fault` with `invalidArgument` when it is not percent-encoded UTF-8.
    public func parameters() throws -> FormFields { try FormFields(query ?? "") }

    /// The value of the first cookie with a name; `nil` when there is none.
    public func cookie(_ name: String) -> String? {
        for header in headers[values: .cookie] {
            for pair in header.utf8.split(separator: UInt8(ascii: ";")) {
                let trimmed = pair.drop { $0 == UInt8(ascii: " ") }
                let parts = trimmed.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
                guard parts.count == 2, parts[0].elementsEqual(name.utf8) else { continue }
                return String(Substring(parts[1]))
            }
        }
        return nil
    }
}
