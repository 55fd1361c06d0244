public import MartletContract
public import MartletCore
public import MartletSQL
import MartletSimulation
import MartletTesting

/// One run of a ``SimulatedWorld``, as its clients and its check see it.
///
/// The clients are on a machine of their own, which never fails; the network between them and the services does.
public final class RunningWorld: CallPlatform {
    private let cluster: Cluster
    /// Random numbers of the seed, for the choices of the workload.
    ///
    /// Concurrent clients that share it get numbers in the order of their draws, which the seed decides, too.
    public let entropy: any Entropy

    init(_ cluster: Cluster, entropy: any Entropy) {
        self.cluster = cluster
        self.entropy = entropy
    }

    /// Clients are no service; their calls name the principal that the context has.
    public var service: String { "" }
    /// Clients have no tables; ``read(_:_:)`` reads those of the services.
    public var database: any SQLDatabase { NoDatabase() }

    /// The clocks of the clients: virtual, and always right.
    public var time: any TimeSource { cluster.simulation.time }

    /// A channel to the service or the fake `service`, for its generated client.
    ///
    /// There is no call policy in front of it: a call fails as the network and the service fail. It needs a deadline,
    /// as from ``context(as:key:)``; otherwise a lost request is noticed after 20 seconds only.
    public func channel(to service: String) -> any RPCChannel {
        cluster.network.channel(from: cluster.outside, to: service)
    }

    /// The context of one attempt of a call, whose deadline is 5 seconds from now.
    ///
    /// - Parameters:
    ///   - principal: The verified caller, with the scopes that the method needs.
    ///   - key: The idempotency key; `nil` for a read.
    public func context(as principal: Principal, key: String?) -> CallContext {
        CallContext(deadline: time.now + ClientRetries.callTimeout, principal: principal, idempotencyKey: key)
    }

    /// Calls `call` until there is a response or a refusal, each time with a new deadline and the same idempotency key,
    /// as a client does that must know the outcome.
    ///
    /// A repeat of a write has no further effect only if the service stores responses by key, and not for an anonymous
    /// principal, whose keys are ignored.
    ///
    /// - Parameters:
    ///   - principal: The verified caller, with the scopes that the method needs.
    ///   - key: Identifies the request; `nil` for a new random key. Two calls with one key are one request.
    ///   - call: One attempt; passes the context on to the client.
    /// - Throws: The refusal (`Fault` with the outcome `refused`); the last fault after 400 attempts; any other error of
    ///   `call` immediately.
    public func retrying<Response>(
        as principal: Principal,
        key: String? = nil,
        _ call: (CallContext) async throws -> Response
    ) async throws -> Response {
        let key = key ?? "key-\(entropy.next().hexadecimal)"
        let retries = ClientRetries(runtime: Runtime(time: time, entropy: entropy), repeatsBugs: true)
        return try await retries.run { deadline in
            try await call(CallContext(deadline: deadline, principal: principal, idempotencyKey: key))
        }
    }

    /// Sleeps for a random time below `limit`, which is at least one millisecond.
    ///
    /// Crashes, partitions and other faults happen every few seconds: calls that are spread over half a minute meet some.
    public func sleep(upTo limit: Duration) async throws {
        precondition(limit >= .milliseconds(1))
        try await time.sleep(for: limit * entropy.fraction())
    }

    /// Advances all clocks at once, and lets begin what is due then.
    ///
    /// A sleep of days would run every poll and every keep-alive of them.
    ///
    /// - Parameter duration: At most 400 days in all.
    public func advance(by duration: Duration) async throws {
        precondition(
            cluster.skippedTime.total + duration <= Quiescence.skipMax,
            "a run advances its clocks by at most 400 days in all"
        )
        cluster.skippedTime.skip(by: duration)
        try await time.sleep(for: .milliseconds(1))
    }

    /// Ends a service's processes, which stay away until ``startStopped()``, or until the faults end.
    func stop(_ service: String) { cluster.stop(service) }

    func startStopped() { cluster.endAbsences() }

    /// Reads a service's tables directly, without its machine and its network.
    ///
    /// - Parameters:
    ///   - service: The name of one of the world's services, which a fake is not.
    ///   - body: Runs in a transaction that only reads.
    /// - Throws: `SQLError` with `unavailable` while the database is not open, which a check never meets; otherwise what
    ///   `body` throws.
    public func read<Value: Sendable>(
        _ service: String,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> Value
    ) async throws -> Value {
        guard let store = cluster.stores[service] else { preconditionFailure("the world has no service \(service)") }
        return try await store.inspect(body)
    }
}
