import Foundation
import MartletCore

/// JetStream's API: requests and answers in JSON on subjects.
///
/// We speak it ourselves: the library of Debian 12 does not know what came after it, as priority groups.
struct JetStream: Sendable {
    /// An error of the API.
    struct Failure: Error, Decodable {
        let code: Int
        let errorCode: Int
        let description: String

        enum CodingKeys: String, CodingKey {
            case code, description
            case errorCode = "err_code"
        }

        var isNotFound: Bool { code == 404 }
        /// Made by another one meanwhile.
        var isExisting: Bool { [10_013, 10_058, 10_148].contains(errorCode) }
        /// Whether a limit of an account, a stream or a server is reached.
        var isFull: Bool { [10_002, 10_023, 10_028, 10_047, 10_077].contains(errorCode) }

        var fault: Fault {
            let text = "NATS: \(description) (\(errorCode))"
            if isFull { return Fault(.resourceExhausted, .overloaded, text, retryAfter: .seconds(1)) }
            return switch code {
            case 400: Fault(.failedPrecondition, "nats.refused", text)
            case 404: Fault(.failedPrecondition, "nats.not_found", text)
            default: Fault(.unavailable, .unavailable, text)
            }
        }
    }

    private struct Answer: Decodable {
        let error: Failure?
    }

    let connection: NATSConnection
    let calls: NATSCalls
    let time: any TimeSource
    let timeout: Duration

    /// - Throws: ``Failure`` when the server refuses; `Fault` with `unavailable` or `deadlineExceeded` when the outcome is
    ///   unknown.
    func call<Result: Decodable>(_ subject: String, _ request: some Encodable) async throws -> Result {
        let body = try await call(subject, raw: Array(try JSONEncoder().encode(request)))
        return try JSONDecoder().decode(Result.self, from: Data(body))
    }

    /// - Returns: The answer's JSON, which is not an error.
    func call(_ subject: String, raw body: [UInt8]) async throws -> [UInt8] {
        let replies = try await calls.run(1, until: time.now + timeout, time) { reply in
            try connection.publish(body, to: "$JS.API.\(subject)", reply: reply(0))
        }
        guard let reply = replies.first, reply.status != 503 else {
            calls.noteServed(false, at: time.now)
            throw NATSFault.noResponders
        }
        let failure = try JSONDecoder().decode(Answer.self, from: Data(reply.body)).error
        calls.noteServed(failure?.code != 503, at: time.now)
        if let failure { throw failure }
        return reply.body
    }

    // MARK: Streams

    /// - Returns: `nil` when there is none.
    func stream(_ name: String) async throws -> StreamInfo? {
        do {
            return try await call("STREAM.INFO.\(name)", Empty())
        } catch let failure as Failure where failure.isNotFound {
            return nil
        }
    }

    /// Makes a stream, unless it exists.
    func makeStream(_ config: StreamConfig) async throws -> StreamInfo {
        do {
            return try await call("STREAM.CREATE.\(config.name)", config)
        } catch let failure as Failure where failure.isExisting {
            guard let known = try await stream(config.name) else { throw failure.fault }
            return known
        }
    }

    /// Changes the notes on a stream, and nothing else of it.
    func note(_ notes: [String: String], on stream: String) async throws {
        let body = try await call("STREAM.INFO.\(stream)", raw: [])
        // As it came: what we do not know stays as it is.
        guard let info = try JSONSerialization.jsonObject(with: Data(body)) as? [String: Any],
            var config = info["config"] as? [String: Any]
        else { return }
        var metadata = config["metadata"] as? [String: String] ?? [:]
        metadata.merge(notes) { $1 }
        config["metadata"] = metadata.filter { !$0.value.isEmpty }
        _ = try await call("STREAM.UPDATE.\(stream)", raw: Array(try JSONSerialization.data(withJSONObject: config)))
    }

    /// All streams whose subjects match, by name.
    func streams(matching subject: String) async throws -> [StreamInfo] {
        var streams: [StreamInfo] = []
        while true {
            let page: StreamPage = try await call(
                "STREAM.LIST",
                PageRequest(offset: streams.count, subject: subject)
            )
            streams += page.streams ?? []
            guard let found = page.streams, !found.isEmpty, streams.count < page.total else {
                return streams.sorted { ExactText($0.config.name) < ExactText($1.config.name) }
            }
        }
    }

    /// Removes the messages of a subject below a sequence.
    func purge(_ stream: String, subject: String, below sequence: Int64) async throws {
        let _: PurgeResult = try await call(
            "STREAM.PURGE.\(stream)",
            PurgeRequest(filter: subject, seq: sequence)
        )
    }

    /// The sequence of the first message of a subject that was stored at `date` or later; `nil` when there is none.
    func firstMessage(of stream: String, subject: String, since date: Timestamp) async throws -> Int64? {
        do {
            let found: FoundMessage = try await call(
                "STREAM.MSG.GET.\(stream)",
                MessageRequest(subject: subject, since: "\(date)")
            )
            return found.message.seq
        } catch let failure as Failure where failure.isNotFound {
            return nil
        }
    }

    // MARK: Consumers

    /// All consumers of a stream, by name.
    func consumers(of stream: String) async throws -> [ConsumerInfo] {
        var consumers: [ConsumerInfo] = []
        while true {
            let page: ConsumerPage = try await call(
                "CONSUMER.LIST.\(stream)",
                PageRequest(offset: consumers.count, subject: nil)
            )
            consumers += page.consumers ?? []
            guard let found = page.consumers, !found.isEmpty, consumers.count < page.total else {
                return consumers.sorted { ExactText($0.name) < ExactText($1.name) }
            }
        }
    }

    /// - Returns: `nil` when there is none.
    func consumer(_ name: String, of stream: String) async throws -> ConsumerInfo? {
        do {
            return try await call("CONSUMER.INFO.\(stream).\(name)", Empty())
        } catch let failure as Failure where failure.isNotFound {
            return nil
        }
    }

    /// Makes a consumer, unless it exists.
    func makeConsumer(_ config: ConsumerConfig, of stream: String) async throws -> ConsumerInfo {
        do {
            return try await call(
                "CONSUMER.CREATE.\(stream).\(config.name).\(config.filter)",
                ConsumerRequest(stream: stream, config: config)
            )
        } catch let failure as Failure where failure.isExisting {
            guard let known = try await consumer(config.name, of: stream) else { throw failure.fault }
            return known
        }
    }

    /// Removes a consumer; a repeat does nothing.
    func removeConsumer(_ name: String, of stream: String) async throws {
        do {
            let _: Done = try await call("CONSUMER.DELETE.\(stream).\(name)", Empty())
        } catch let failure as Failure where failure.isNotFound {
            // It is gone.
        }
    }
}
