import AsyncHTTPClient
import Foundation
import MartletContract
import MartletCore
import NIOCore
import NIOHTTP1
import SwiftProtobuf

/// Speaks REST with the gateway, and asks again with the same key where an answer is missing.
struct ShopClient: Sendable {
    /// Of an answer, in bytes.
    static let answerLimit = 16 * 1_024 * 1_024
    static let attemptTimeout = Duration.seconds(15)

    let http: HTTPClient
    /// As in `http://127.0.0.1:8080`.
    let address: String
    let token: String
    /// How long one request is repeated while the shop is away.
    let patience: Duration
    let time: any TimeSource
    let entropy: any Entropy

    /// Sends a request until it is answered with something final.
    ///
    /// - Throws: ``ShopProblem`` for a refusal; the last trouble when patience is over.
    func send<Answer: ContractMessage>(
        _ verb: String,
        _ path: String,
        key: String? = nil,
        _ body: (any ContractMessage)? = nil,
        as type: Answer.Type = Answer.self
    ) async throws -> Answer {
        let deadline = time.now + patience
        var options = JSONEncodingOptions()
        options.preserveProtoFieldNames = true
        let bytes = try body.map { try Array($0.jsonUTF8Data(options: options)) }
        var pause = Duration.milliseconds(20)
        while true {
            do {
                return try await attempt(verb, path, key, bytes)
            } catch let problem as ShopProblem where !problem.isWorthARepeat {
                throw problem
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                guard time.now + pause < deadline else { throw Self.away(address, error) }
            }
            try await time.sleep(for: pause * (0.5 + entropy.fraction()))
            pause = min(pause * 2, .seconds(2))
        }
    }

    /// What is told when patience is over: the shop's own words, or that nobody answers.
    private static func away(_ address: String, _ error: any Error) -> any Error {
        error is ShopProblem
            ? error : CommandFailure("nothing answers at \(address): is the shop up? See `martlet status`")
    }

    private func attempt<Answer: ContractMessage>(
        _ verb: String,
        _ path: String,
        _ key: String?,
        _ body: [UInt8]?
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: address + path)
        request.method = .init(rawValue: verb)
        request.headers.add(name: "authorization", value: "Bearer \(token)")
        request.headers.add(name: "accept", value: "application/json")
        if let key { request.headers.add(name: "idempotency-key", value: key) }
        if let body {
            request.headers.add(name: "content-type", value: "application/json")
            request.body = .bytes(ByteBuffer(bytes: body))
        }
        let response = try await http.execute(
            request,
            timeout: .nanoseconds(Self.attemptTimeout.nanosecondsClamped)
        )
        let buffer = try await response.body.collect(upTo: Self.answerLimit)
        let bytes = Array(buffer.readableBytesView)
        guard (200..<300).contains(response.status.code) else {
            throw ShopProblem(status: Int(response.status.code), body: bytes, request: "\(verb) \(path)")
        }
        var options = JSONDecodingOptions()
        options.ignoreUnknownFields = true
        return try Answer(jsonUTF8Bytes: bytes, options: options)
    }
}

/// A path's variable, with everything but unreserved characters escaped.
func escaped(_ part: String) -> String {
    let unreserved = CharacterSet(charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
    return part.addingPercentEncoding(withAllowedCharacters: unreserved) ?? part
}

/// The shop said no, as RFC 9457 has it.
struct ShopProblem: Error, CustomStringConvertible {
    let status: Int
    let reason: String
    let detail: String
    let request: String

    init(status: Int, body: [UInt8], request: String) {
        struct Problem: Decodable {
            let reason: String?
            let detail: String?
        }
        // Another's error page is no problem document.
        let problem = try? JSONDecoder().decode(Problem.self, from: Data(body))
        self.status = status
        self.reason = problem?.reason ?? ""
        self.detail = problem?.detail ?? String(decoding: body.prefix(200), as: UTF8.self)
        self.request = request
    }

    /// The shop was away, busy, or cannot say what became of the request: the same request may be sent again.
    var isWorthARepeat: Bool {
        status == 408 || status == 429 || status >= 500 || (status == 409 && reason == Reason.requestInProgress.name)
            || (status == 409 && reason == Reason.conflict.name)
    }

    var description: String { "\(request): \(status) \(reason) \(detail)" }
}
