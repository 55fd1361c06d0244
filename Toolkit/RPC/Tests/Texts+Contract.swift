import MartletContract
import MartletCore
import MartletTesting

enum TextMethods {
    static let service = "martlet.test.Texts"
    static let echo = method("Echo")
    /// Runs until it is cancelled.
    static let slow = method("Slow")
    /// Streams as many numbers as the request states.
    static let many = method("Many")
    /// Streams messages of 64 KiB.
    static let flood = method("Flood")
    static let refuse = method("Refuse")
    /// Returns the context of the request.
    static let about = method("About")
    /// Waits until the test releases it.
    static let hold = method("Hold")
    /// Ends when a call of `Slow` has been cancelled.
    static let awaitCancelled = method("AwaitCancelled")
    /// Returns `yes` once a call of `Slow` has reached its handler.
    static let begun = method("Begun")
    /// Waits as `Hold` does, but ignores cancellation.
    static let stubborn = method("Stubborn")
    static let guarded = method("Guarded", .scope("texts:read"))
    static let admin = method("Admin", .scope("texts:admin"))
    /// For the service `parcels`, for itself and for users, and for users with the scope.
    static let between = method("Between", .scope("texts:admin"), callers: [.itself, .users])
    /// Returns ``Texts/floodBytes`` bytes.
    static let long = method("Long")
    static let unserved = method("Unserved")

    private static func method(
        _ name: String,
        _ users: AccessPolicy.Users = .anybody,
        callers: [AccessPolicy.Caller.Party]? = nil
    ) -> MethodDescriptor {
        let open = users == .anybody ? AccessPolicy.Caller.Party.allCases : []
        return MethodDescriptor(
            service: service,
            name: name,
            idempotent: true,
            writes: false,
            users: users,
            callers: (callers ?? open).map { .service("parcels", for: $0) },
            http: []
        )
    }
}

/// The handler that the tests call.
final class Texts: Sendable {
    static let floodMessages = 1_000
    static let floodBytes = 64 * 1_024

    let held = OneShotSignal()
    let begun = OneShotSignal()
    let release = OneShotSignal()
    let cancelled = OneShotSignal()
    let streamCancelled = OneShotSignal()
    let flood = BoundedCounter(floodMessages)
    let stubborn = BoundedCounter(1_000)

    static var refusal: Fault {
        Fault(
            .failedPrecondition,
            "texts.no",
            "ni\u{00E9}t – 100 %",
            field: "value",
            retryAfter: .milliseconds(1_500),
            cause: CancellationError()
        )
    }

    func slow() async throws -> Text {
        begun.fire()
        do {
            try await SystemTime().sleep(for: HangLimit.wait * 2)
        } catch {
            cancelled.fire()
            throw error
        }
        return Text()
    }

    func about(_ context: CallContext) -> Text {
        let facts = [
            context.idempotencyKey ?? "-", context.principal.subject.text, context.metadata["x-colour"] ?? "-",
            context.metadata["x-raw-bin"] ?? "-", TraceContext.current?.traceID ?? "-",
            context.deadline == nil ? "no deadline" : "deadline",
        ]
        return Text(facts.joined(separator: "|"))
    }
}

extension ServedContract {
    static func texts(_ handler: Texts) -> ServedContract {
        var contract = ServedContract(name: TextMethods.service, openAPI: "", on: NoPlatform())
        for method in [TextMethods.echo, TextMethods.guarded, TextMethods.admin, TextMethods.between] {
            contract.on(method) { (request: Text, _) in request }
        }
        contract.on(TextMethods.long) { (_: Text, _) in Text(String(repeating: "a", count: Texts.floodBytes)) }
        contract.on(TextMethods.refuse) { (_: Text, _) -> Text in throw Texts.refusal }
        contract.on(TextMethods.slow) { (_: Text, _) -> Text in try await handler.slow() }
        contract.on(TextMethods.begun) { (_: Text, _) -> Text in Text(handler.begun.hasFired ? "yes" : "no") }
        contract.on(TextMethods.awaitCancelled) { (_: Text, _) -> Text in
            await handler.cancelled.wait()
            return Text("cancelled")
        }
        contract.on(TextMethods.hold) { (request: Text, _) -> Text in
            handler.held.fire()
            await handler.release.wait()
            return request
        }
        contract.on(TextMethods.stubborn) { (request: Text, _) -> Text in
            _ = handler.stubborn.next()
            await handler.release.waitIgnoringCancellation()
            return request
        }
        contract.on(TextMethods.about) { (_: Text, call) in handler.about(call.context) }
        contract.onStream(TextMethods.many) { (request: Text, _) in
            let left = BoundedCounter(Int(request.value) ?? 0)
            return ResponseStream { left.next().map { Text("\($0)") } }
        }
        contract.onStream(TextMethods.flood) { (_: Text, _) in
            let text = Text(String(repeating: "x", count: Texts.floodBytes))
            let watch = StreamEnd(handler.streamCancelled)
            return ResponseStream {
                defer { withExtendedLifetime(watch) {} }
                return handler.flood.next().map { _ in text }
            }
        }
        return contract
    }
}

/// Fires when the server releases a stream.
private final class StreamEnd: Sendable {
    private let signal: OneShotSignal

    init(_ signal: OneShotSignal) { self.signal = signal }

    deinit { signal.fire() }
}
