import HTTPTypes
import MartletContract
import MartletCore
import MartletHTTP
import NIOCore
import SwiftProtobuf

/// Calls contract methods for REST requests.
struct RESTCalls: Sendable {
    /// A method under one of its HTTP rules.
    struct Route: Sendable {
        let method: ServedMethod
        let rule: HTTPRule
    }

    let authenticate: RESTResponder.Authenticate
    let limits: RESTLimits
    let time: any TimeSource

    /// Calls the route's method.
    ///
    /// - Throws: An error that becomes a problem.
    func answer(_ route: Route, variables: [PathVariable], in exchange: Exchange) async throws -> ServerResponse {
        let headers = exchange.request.headers
        let deadline = try RESTHeaders.deadline(
            of: headers,
            standard: limits.timeout,
            limit: limits.timeoutMax,
            now: exchange.started
        )
        return try await withDeadline(deadline, time) {
            let descriptor = route.method.descriptor
            let caller = try await authenticate(headers, exchange.peerIdentity)
            exchange.accepted(caller)
            let principal = try descriptor.admit(
                caller,
                speaksFor: try RESTHeaders.speaksFor(of: headers),
                from: exchange.peerIdentity
            )
            let context = CallContext(
                deadline: deadline,
                principal: principal,
                idempotencyKey: try Self.key(headers, descriptor),
                trace: exchange.trace,
                metadata: Self.metadata(headers)
            )
            let body = try await body(of: exchange, expected: !route.rule.body.isEmpty)
            let request = try decode(route, variables: variables, request: exchange.request, body: body)
            switch route.method.form {
            case .unary(let handle):
                return Self.json(try await handle(request, context).jsonBytes)
            case .serverStream(let handle):
                return Self.lines(try await handle(request, context), exchange.id)
            }
        }
    }

    /// The idempotency key of a write; required where a repeat would take effect twice.
    private static func key(_ headers: HTTPFields, _ method: MethodDescriptor) throws -> String? {
        guard method.writes else { return nil }
        let key = try RESTHeaders.idempotencyKey(of: headers)
        if key == nil, !method.idempotent {
            throw Fault(
                .invalidArgument,
                .idempotencyKeyMissing,
                "is required, since a repeat would act twice",
                field: "Idempotency-Key"
            )
        }
        return key
    }

    /// The custom headers, as metadata of the `CallContext`.
    private static func metadata(_ headers: HTTPFields) -> [String: String] {
        var metadata: [String: String] = [:]
        for header in headers where header.name.canonicalName.hasPrefix(RESTHeaders.customPrefix) {
            metadata[header.name.canonicalName] = header.value
        }
        return metadata
    }

    private func body(of exchange: Exchange, expected: Bool) async throws -> [UInt8] {
        let request = exchange.request
        let bytes = try await exchange.body(upTo: limits.bodyBytesMax)
        guard expected, bytes.readableBytes > 0 else { return Array(bytes.readableBytesView) }
        guard Self.isJSON(request.headers[.contentType]) else {
            throw Fault(.invalidArgument, .mediaType, "must be application/json", field: "Content-Type")
        }
        guard (request.headers[.contentEncoding] ?? "identity").lowercased() == "identity" else {
            throw Fault(
                .invalidArgument,
                .mediaType,
                "must be identity: a body is not compressed",
                field: "Content-Encoding"
            )
        }
        return Array(bytes.readableBytesView)
    }

    private static func isJSON(_ type: String?) -> Bool {
        let essence = (type ?? "").prefix { $0 != ";" }.lowercased().filter { $0 != " " }
        return essence == "application/json"
    }

    private func decode(
        _ route: Route,
        variables: [PathVariable],
        request: ServerRequest,
        body: [UInt8]
    ) throws -> any ContractMessage {
        let json = try RequestBinding.json(
            of: route.method.requestShape,
            by: route.rule,
            variables: variables,
            query: request.query ?? "",
            body: body
        )
        var options = JSONDecodingOptions()
        options.messageDepthLimit = JSONCheck.depthLimit + 1
        do {
            return try route.method.decodeJSON(json, options)
        } catch {
            // The shape accepted what the decoder rejects: its field is unknown here.
            throw Fault(
                .invalidArgument,
                .malformedRequest,
                JSONDecodingText.rule(error) ?? "does not match the contract",
                field: "body",
                cause: error
            )
        }
    }

    private static func json(_ bytes: [UInt8]) -> ServerResponse {
        ServerResponse(
            status: .ok,
            headers: [.contentType: "application/json"],
            body: ResponseBody(bytes)
        )
    }

    /// One JSON object per line, as the messages arrive.
    ///
    /// A stream that fails ends with a line that has the one member `problem`.
    private static func lines(_ stream: ResponseStream<any ContractMessage>, _ id: String) -> ServerResponse {
        ServerResponse(
            status: .ok,
            headers: [.contentType: "application/x-ndjson"],
            body: ResponseBody(length: nil) { writer in
                do {
                    while let message = try await stream.pull() {
                        try await writer.write(message.jsonBytes + [0x0A])
                    }
                } catch {
                    let fault = Fault(describing: error)
                    var json = JSONWriter()
                    json.object { json in
                        json.members("problem") { json in
                            json.number("status", Problem.status(of: fault).code)
                            json.text("detail", fault.detail)
                            json.text("instance", id)
                            json.text("reason", fault.reason.name)
                        }
                    }
                    try await writer.write(json.bytes + [0x0A])
                }
            }
        )
    }
}
