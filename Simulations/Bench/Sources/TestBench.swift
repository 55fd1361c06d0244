public import MartletContract
public import MartletCore
public import MartletMessaging
public import MartletSQL

/// Services under test: calls to them, their tables, and their clock.
///
/// One word decides how they run; the test is the same.
///
/// ```swift
/// @Test("a link that was shortened is found", arguments: TestBench.Mode.examples)
/// func shorten(_ mode: TestBench.Mode) async throws {
///     try await TestBench.run(LinksService.self, mode) { bench in
///         let links = LinksClient(on: bench)
///         let ann = bench.context(as: "ann", scopes: ["links:write"])
///         let link = try await links.shorten(.with { $0.url = "https://swift.org" }, context: ann)
///         #expect(try await links.getLink(.with { $0.code = link.code }, context: ann).url == "https://swift.org")
///     }
/// }
/// ```
///
/// A call is repeated, as a careful client does, until its outcome is known: a write without an idempotency key gets one. A bug
/// of a handler (`internal`) is repeated only under a seed; in the other modes the service logs it.
public struct TestBench: CallPlatform {
    /// How the services run.
    public enum Mode: Sendable, Hashable {
        /// In this process, on virtual time, without faults: a sleep takes no real time. Every run is the same.
        case inProcess
        /// Over gRPC on 127.0.0.1, with real clocks, files and tokens.
        case loopback
        /// As ``inProcess``, with the faults that the seed chooses: crashes, partitions, power loss, and others.
        case seed(UInt64)

        /// One run of each kind, as arguments of a test.
        public static let examples: [Mode] = [.inProcess, .loopback, .seed(1)]
    }

    /// The service whose ``database`` this is: the first one under test.
    public let service: String
    /// The tables of ``service``: only for reading.
    public var database: any SQLDatabase { ReadOnlyDatabase(service: service, reader: reader) }
    /// The clocks of the test.
    public let time: any TimeSource
    private let reader: any BenchReader
    private let skip: (@Sendable (Duration) async throws -> Void)?
    private let channels: @Sendable (String) -> any RPCChannel

    init(
        of service: String,
        runtime: Runtime,
        reader: any BenchReader,
        skip: (@Sendable (Duration) async throws -> Void)?,
        hasFaults: Bool,
        channels: @escaping @Sendable (String) -> any RPCChannel
    ) {
        self.service = service
        self.reader = reader
        self.skip = skip
        time = runtime.time
        self.channels = { RetryingChannel(over: channels($0), runtime: runtime, hasFaults: hasFaults) }
    }

    /// A channel to a service under test, or to a fake.
    public func channel(to service: String) -> any RPCChannel { channels(service) }

    /// The context of a user's call.
    ///
    /// - Parameters:
    ///   - user: The id; `nil` for an anonymous caller.
    ///   - scopes: What the user may do; a method of the contract names the one that it requires.
    public func context(as user: String?, scopes: Set<ExactText> = []) -> CallContext {
        CallContext(principal: user.map { Principal(user: ExactText($0), scopes: scopes) } ?? .anonymous)
    }

    /// Advances all clocks at once, as for a timer of days.
    ///
    /// Virtual time passes by itself while the test waits, but step by step: hours of it take long.
    ///
    /// - Throws: `Fault` on real clocks (``Mode/loopback``).
    public func advance(by duration: Duration) async throws {
        guard let skip else { throw Fault(.internal, .internal, "real clocks cannot be advanced") }
        try await skip(duration)
    }

    /// Reads the tables of a service under test.
    ///
    /// - Parameters:
    ///   - service: The name of its blueprint; another name, also that of a fake, ends the process.
    ///   - body: Only reads.
    public func read<Value: Sendable>(
        _ service: String,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> Value
    ) async throws -> Value {
        try await reader.read(service, body)
    }

    /// The events that a service under test has published on a topic, by time, and by key where times are equal.
    ///
    /// The outbox keeps an event for a day after it was sent: ask before ``advance(by:)`` skips more.
    ///
    /// - Parameters:
    ///   - topic: The topic, as its contract declares it.
    ///   - service: The publisher; by default ``service``.
    public func published<Body: Sendable>(_ topic: Topic<Body>, by service: String? = nil) async throws -> [Body] {
        let bodies = try await read(service ?? self.service) { tx in
            try tx.run("SELECT body FROM audit_outbox WHERE topic = \(topic.name) ORDER BY epoch, at, key, sequence")
                .map { try $0.bytes(0) }
        }
        return try bodies.map(topic.decode)
    }

    /// Waits until `condition` holds, such as the effect of an event or of a workflow.
    ///
    /// - Parameters:
    ///   - what: Named in the error.
    ///   - limit: On the clock of the test; only a hang should reach it.
    ///   - condition: Called again and again; it may throw only what ends the test.
    /// - Throws: ``TestBench/TimedOut`` after `limit`; what `condition` throws.
    public func eventually(
        _ what: String,
        within limit: Duration = .seconds(300),
        _ condition: () async throws -> Bool
    ) async throws {
        let end = time.now + limit
        while try await !condition() {
            guard time.now < end else { throw TimedOut(what: what, limit: limit) }
            try await time.sleep(for: .milliseconds(20))
        }
    }

    /// The error of ``eventually(_:within:_:)``.
    public struct TimedOut: Error, CustomStringConvertible {
        let what: String
        let limit: Duration

        public var description: String { "not within \(limit): \(what)" }
    }

    /// The error of a run in which the test passed, but the services did not: an event that is not delivered, a parked
    /// key, a workflow run that is parked.
    ///
    /// ``Mode/loopback`` does not look for them.
    public struct Violations: Error, CustomStringConvertible {
        /// In words; at least one.
        public let violations: [String]

        public var description: String { violations.joined(separator: "; ") }
    }
}

/// Reads the tables of the services under test.
protocol BenchReader: Sendable {
    func read<Value: Sendable>(
        _ service: String,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> Value
    ) async throws -> Value
}

private struct ReadOnlyDatabase: SQLDatabase {
    let service: String
    let reader: any BenchReader

    func transaction<R: Sendable>(
        _ name: StaticString,
        options: SQLOptions,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        throw Fault(.internal, .internal, "a test writes through the calls of \(service)")
    }

    func read<R: Sendable>(
        _ name: StaticString,
        kind: SQLReadKind,
        deadline: Moment?,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        try await reader.read(service, body)
    }

    func notifications(of channels: Set<SQLChannel>) async throws -> SQLNotifications {
        throw Fault(.internal, .internal, "a test does not listen to the database of \(service)")
    }
}
