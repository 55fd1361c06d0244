public import MartletContract
public import MartletCore
import MartletDiscovery
import MartletResilience
import Synchronization

/// The network between machines: calls have latency, are reordered, lost, duplicated and reset.
///
/// It carries messages, not bytes: HTTP/2 and its sockets are not simulated.
public final class SimulatedNetwork: Sendable {
    /// Latencies and timeouts.
    public struct Limits: Sendable {
        /// The longest latency in one direction, in microseconds.
        public var latencyMax: UInt64 = 2_000
        /// The longest latency of a slow call, in microseconds.
        public var slowLatencyMax: UInt64 = 15_000_000
        /// After which a connection without a response is reset.
        public var responseTimeout = Duration.seconds(20)
        /// After which a request of suspended computers to an external machine is lost.
        public var lateDeliveryMax = Duration.seconds(3_600)

        public init() {}
    }

    /// One instance of a service.
    struct Endpoint: Sendable {
        let machine: Machine
        let channel: any RPCChannel
        /// As the registry lists it: each process has an address of its own.
        let instance: Instance
    }

    private struct State {
        var endpoints: [String: [Endpoint]] = [:]
        /// Machines that keep running while the others are suspended.
        var external: Set<String> = []
        /// Links that deliver nothing.
        var cutLinks: Set<Link> = []
        var trace = Fingerprint()
        var calls = 0
        var failures = 0
        var reasons: [String: Int] = [:]
        var reports: [String] = []
    }

    private struct Link: Hashable {
        let from: String
        let to: String
    }

    let time: VirtualTime
    let faults: FaultInjector
    let limits: Limits
    let entropy: any Entropy
    private let state = Mutex(State())

    public init(time: VirtualTime, faults: FaultInjector, entropy: any Entropy, limits: Limits = Limits()) {
        self.time = time
        self.faults = faults
        self.entropy = entropy
        self.limits = limits
    }

    /// Covers all calls with their outcomes, in their order.
    public var trace: Fingerprint { state.withLock { $0.trace } }

    /// Completed calls, and how many of them failed.
    public var counts: (calls: Int, failures: Int) { state.withLock { ($0.calls, $0.failures) } }

    /// Failures by method and reason, the most frequent first.
    public var reasons: [(reason: String, count: Int)] {
        state.withLock { $0.reasons.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { ($0.key, $0.value) } }
    }

    /// Rules of calls that a channel has broken.
    package var reports: [String] { state.withLock { $0.reports } }

    // MARK: Endpoints

    /// Registers `machine` as an instance of `service`.
    ///
    /// - Parameters:
    ///   - machine: The instance.
    ///   - service: The service's name, as callers use it.
    ///   - channel: Calls the handlers on `machine`.
    ///   - isExternal: Another party's computer: it keeps running while the others are suspended, and requests in
    ///     flight to it are lost then. Computers that are suspended together receive what was in flight after they
    ///     resume.
    public func add(
        _ machine: Machine,
        for service: String,
        channel: any RPCChannel,
        isExternal: Bool = false
    ) {
        state.withLock { state in
            let instance = Instance(id: machine.name, http: nil, grpc: nil, operate: nil)
            state.endpoints[service, default: []].append(
                Endpoint(machine: machine, channel: channel, instance: instance)
            )
            if isExternal { state.external.insert(machine.name) }
        }
    }

    /// Whether an instance of `service` is registered and runs.
    package func isServed(_ service: String) -> Bool {
        state.withLock { $0.endpoints[service]?.contains { $0.machine.isUp } ?? false }
    }

    /// Removes crashed machines from the registry, as service discovery does after a while.
    public func removeStopped() {
        state.withLock { state in
            for service in state.endpoints.keys { state.endpoints[service]?.removeAll { !$0.machine.isUp } }
        }
    }

    /// `to` receives nothing from `from` until ``reconnect(_:_:)``; the other direction still works.
    public func cut(_ from: Machine, _ to: Machine) {
        _ = state.withLock { $0.cutLinks.insert(Link(from: from.name, to: to.name)) }
    }

    public func reconnect(_ from: Machine, _ to: Machine) {
        _ = state.withLock { $0.cutLinks.remove(Link(from: from.name, to: to.name)) }
    }

    /// A channel of `machine` to `service`: it chooses among the instances as a daemon does, and has no other call policy.
    public func channel(from machine: Machine, to service: String) -> any RPCChannel {
        SimulatedChannel(network: self, caller: machine, service: service)
    }

    /// The instances that `service` has now; also some that have stopped, while the registry is stale.
    func instances(of service: String) -> [Instance] {
        let known = state.withLock { $0.endpoints[service] ?? [] }
        let up = known.filter(\.machine.isUp)
        let listed = known.count > up.count && faults.happens(.staleRegistry) ? known : up
        return listed.map(\.instance).sorted()
    }

    func services() -> [String] { state.withLock { $0.endpoints.filter { !$0.value.isEmpty }.keys.sorted() } }

    /// - Throws: `Fault` when the instance has left the registry, and does not listen any more.
    func endpoint(_ instance: Instance, of service: String) throws -> Endpoint {
        guard let endpoint = state.withLock({ $0.endpoints[service]?.first { $0.instance == instance } }) else {
            throw Fault.notProcessed("the connection to \(service) was refused")
        }
        return endpoint
    }

    // MARK: One message

    func report(_ violation: String) { state.withLock { $0.reports.append(violation) } }

    func latency(slow: Bool = false) -> Duration {
        .microseconds(Int64(entropy.number(below: slow ? limits.slowLatencyMax : limits.latencyMax)))
    }

    func isConnected(from: Machine, to: Machine) -> Bool {
        state.withLock { !$0.cutLinks.contains(Link(from: from.name, to: to.name)) }
    }

    /// Whether a request that was due at `callee` at `arrival` is still delivered now.
    func isDelivered(to callee: Machine, dueAt arrival: Moment) -> Bool {
        time.now - arrival <= limits.lateDeliveryMax || !state.withLock { $0.external.contains(callee.name) }
    }

    func record(_ method: MethodDescriptor, _ fault: Fault?) {
        state.withLock { state in
            state.calls += 1
            if let fault {
                state.failures += 1
                state.reasons["\(method.path) \(fault.reason): \(fault.message)", default: 0] += 1
            }
            state.trace.add(method.path)
            state.trace.add(fault?.reason.name ?? "")
        }
    }
}

extension Fault {
    /// The connection broke: the outcome of the call is unknown.
    static var connectionReset: Fault { Fault(.unavailable, .unavailable, "the connection was reset") }
}

/// The network's own list of instances, which is stale by a fault only.
struct SimulatedRegistry: Registry {
    private static let interval = Duration.seconds(1)

    let network: SimulatedNetwork

    func snapshot(_ service: String) -> [Instance] { network.instances(of: service) }

    func services() -> [String] { network.services() }

    func changes(of service: String, from known: [Instance]) async throws -> [Instance] {
        while true {
            let now = network.instances(of: service)
            if now != known { return now }
            try await network.time.sleep(for: Self.interval)
        }
    }
}
