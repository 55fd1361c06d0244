import Foundation
import MartletContract
import MartletCore
import SwiftProtobuf

/// Speaks REST with the gateway, and asks again with the same key where an answer is missing.
struct ShopClient: Sendable {
    /// One request, and what came back.
    struct Request: Sendable {
        let verb: String
        /// With its query.
        let path: String
        /// Its `Idempotency-Key`.
        let key: String?
        /// JSON.
        let body: [UInt8]?
    }

    struct Answer: Sendable {
        let status: Int
        let body: [UInt8]
    }

    /// Carries a request to the shop once.
    let exchange: @Sendable (Request) async throws -> Answer
    /// As in `http://127.0.0.1:8080`.
    let address: String
    /// How long one request is repeated while the shop is away.
    let patience: Duration
    let time: any TimeSource
    let entropy: any Entropy

    /// Sends a request until it is answered with something final.
    ///
    /// - Throws: ``ShopProblem`` for a refusal; the last trouble when patience is over.
    func send<Message: ContractMessage>(
        _ verb: String,
        _ path: String,
        key: String? = nil,
        _ body: (any ContractMessage)? = nil,
        as type: Message.Type = Message.self
    ) async throws -> Message {
        let deadline = time.now + patience
        var options = JSONEncodingOptions()
        options.preserveProtoFieldNames = true
        let bytes = try body.map { try Array($0.jsonUTF8Data(options: options)) }
        let request = Request(verb: verb, path: path, key: key, body: bytes)
        var pause = Duration.milliseconds(20)
        while true {
            do {
                return try await attempt(request)
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

    private func attempt<Message: ContractMessage>(_ request: Request) async throws -> Message {
        let answer = try await exchange(request)
        guard (200..<300).contains(answer.status) else {
            throw ShopProblem(status: answer.status, body: answer.body, request: "\(request.verb) \(request.path)")
        }
        var options = JSONDecodingOptions()
        options.ignoreUnknownFields = true
        return try Message(jsonUTF8Bytes: answer.body, options: options)
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
