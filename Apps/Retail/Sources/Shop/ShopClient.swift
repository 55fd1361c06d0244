import Console
import Foundation
import MartletContract
import MartletCore
import SwiftProtobuf

/// A REST client of the gateway that retries with the same idempotency key.
struct ShopClient: Sendable {
    /// One REST request.
    struct Request: Sendable {
        let verb: String
        /// With the query.
        let path: String
        /// The `Idempotency-Key`.
        let key: String?
        /// JSON.
        let body: [UInt8]?
    }

    struct Response: Sendable {
        let status: Int
        let body: [UInt8]
    }

    /// Sends a request to the shop once.
    let exchange: @Sendable (Request) async throws -> Response
    /// As in `http://127.0.0.1:8080`.
    let address: String
    /// How long one request is retried.
    let retryTimeout: Duration
    let runtime: Runtime

    /// Sends a request until the response is not retryable.
    ///
    /// - Throws: ``ShopProblem`` for a refusal; the last failure after ``retryTimeout``.
    func send<Decoded: ContractMessage>(
        _ verb: String,
        _ path: String,
        key: String? = nil,
        body: (any ContractMessage)? = nil,
        as type: Decoded.Type = Decoded.self
    ) async throws -> Decoded {
        let deadline = runtime.time.now + retryTimeout
        var options = JSONEncodingOptions()
        options.preserveProtoFieldNames = true
        let bytes = try body.map { try Array($0.jsonUTF8Data(options: options)) }
        let request = Request(verb: verb, path: path, key: key, body: bytes)
        var delay = Duration.milliseconds(20)
        while true {
            do {
                return try await attempt(request)
            } catch let problem as ShopProblem where !problem.isRetryable {
                throw problem
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                guard runtime.time.now + delay < deadline else { throw Self.unavailable(address, error) }
            }
            try await runtime.time.sleep(for: delay * (0.5 + runtime.entropy.fraction()))
            delay = min(delay * 2, .seconds(2))
        }
    }

    /// The error after the retry timeout: the shop's problem, or that no response arrived.
    private static func unavailable(_ address: String, _ error: any Error) -> any Error {
        error is ShopProblem
            ? error : CommandFailure("no response from \(address): is the shop up? See `martlet status`")
    }

    private func attempt<Decoded: ContractMessage>(_ request: Request) async throws -> Decoded {
        let response = try await exchange(request)
        guard (200..<300).contains(response.status) else {
            throw ShopProblem(status: response.status, body: response.body, request: "\(request.verb) \(request.path)")
        }
        var options = JSONDecodingOptions()
        options.ignoreUnknownFields = true
        return try Decoded(jsonUTF8Bytes: JSONPairs.joined(response.body), options: options)
    }
}

/// A path variable, percent-encoded except for unreserved characters.
func escaped(_ part: String) -> String {
    let unreserved = CharacterSet(charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
    return part.addingPercentEncoding(withAllowedCharacters: unreserved) ?? part
}

/// An error response of the shop, a problem document (RFC 9457).
struct ShopProblem: Error, CustomStringConvertible {
    struct Violation: Decodable, Equatable {
        /// As in `products[3].name`.
        let field: String
        let rule: String
    }

    let status: Int
    let reason: String
    let detail: String
    let violations: [Violation]
    let request: String

    init(status: Int, body: [UInt8], request: String) {
        struct Problem: Decodable {
            let reason: String?
            let detail: String?
            let violations: [Violation]?
        }
        // An error page of a proxy is not a problem document.
        let problem = try? JSONDecoder().decode(Problem.self, from: Data(body))
        self.status = status
        self.reason = problem?.reason ?? ""
        self.detail = problem?.detail ?? String(decoding: body.prefix(200), as: UTF8.self)
        violations = problem?.violations ?? []
        self.request = request
    }

    /// True for transient failures and unknown outcomes: the same request may be retried.
    var isRetryable: Bool {
        status == 408 || status == 429 || status >= 500 || (status == 409 && reason == Reason.requestInProgress.name)
            || (status == 409 && reason == Reason.conflict.name)
    }

    /// Every violated field stands in it: the first one in the detail, unless an older shop leaves it out.
    var description: String {
        let all = violations.enumerated().filter { $0.offset > 0 || !detail.contains($0.element.field) }
            .map { "\($0.element.field): \($0.element.rule)" }
        return "\(request): \(status) \(reason) \(([detail] + all).joined(separator: "; "))"
    }

    /// The index of the first item of a list of the request that is violated: 3 for `products[3].name`.
    func index(in list: String) -> Int? {
        violations.lazy.compactMap { violation in
            guard violation.field.hasPrefix("\(list)[") else { return nil }
            return Int(violation.field.dropFirst(list.count + 1).prefix { $0 != "]" })
        }.first
    }
}
