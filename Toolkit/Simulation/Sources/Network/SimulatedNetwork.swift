public import MartletContract
public import MartletCore
import Synchronization

/// The network between machines: calls take their time, overtake one another, get lost, arrive twice, and break.
///
/// What travels is the message, not its bytes: HTTP/2 and its sockets are not simulated.
public final class SimulatedNetwork: Sendable {
    /// How long things take on a good day and on a bad one.
    public struct Limits: Sendable {
        /// The longest way in one direction, in microseconds.
        public var travel: UInt64 = 2_000
        /// The longest way of a slow call, in microseconds.
        public var slowTravel: UInt64 = 15_000_000
        /// After which a connection that says nothing is given up.
        public var silence = Duration.seconds(20)
        /// So late does a message not come any more from computers that slept to one that did not.
        public var sleepMax = Duration.seconds(3_600)

        public init() {}
    }

    /// Where a service can be reached.
    struct Endpoint: Sendable {
        let machine: Machine
        let channel: any RPCChannel
    }

    private struct State {
        var endpoints: [String: [Endpoint]] = [:]
        /// Machines that are awake when the others sleep.
        var elsewhere: Set<String> = []
        /// Who does not hear whom.
        var deaf: Set<Link> = []
        var trace = Fingerprint()
        var calls = 0
        var failures = 0
        var reasons: [String: Int] = [:]
    }

    private struct Link: Hashable {
        let from: String
        let to: String
    }

    let time: VirtualTime
    let faults: FaultInjector
    let limits: Limits
    private let entropy: any Entropy
    private let state = Mutex(State())

    public init(time: VirtualTime, faults: FaultInjector, entropy: any Entropy, limits: Limits = Limits()) {
        self.time = time
        self.faults = faults
        self.entropy = entropy
        self.limits = limits
    }

    /// Of all calls with their outcomes, in their order.
    public var trace: Fingerprint { state.withLock { $0.trace } }

    /// Calls that came out, and how many of them failed.
    public var counts: (calls: Int, failures: Int) { state.withLock { ($0.calls, $0.failures) } }

    /// Failures by method and reason, the most frequent first.
    public var reasons: [(reason: String, count: Int)] {
        state.withLock { $0.reasons.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { ($0.key, $0.value) } }
    }

    // MARK: Who is where

    /// Lets `machine` answer for `service`, by way of `channel`, which calls its handlers.
    ///
    /// - Parameter isElsewhere: It belongs to somebody else: when time leaps because all computers sleep, it does not, and what was
    ///   on its way to it is lost. Computers that sleep together find what was on its way when they wake.
    public func add(
        _ machine: Machine,
        for service: String,
        answering channel: any RPCChannel,
        isElsewhere: Bool = false
    ) {
        state.withLock { state in
            state.endpoints[service, default: []].append(Endpoint(machine: machine, channel: channel))
            if isElsewhere { state.elsewhere.insert(machine.name) }
        }
    }

    /// Takes machines that are no more from the list, as a registry does after a while.
    public func forgetGone() {
        state.withLock { state in
            for service in state.endpoints.keys { state.endpoints[service]?.removeAll { !$0.machine.isUp } }
        }
    }

    /// `to` hears nothing of `from` until ``reconnect(_:_:)``; the other way is open.
    public func cut(_ from: Machine, _ to: Machine) {
        _ = state.withLock { $0.deaf.insert(Link(from: from.name, to: to.name)) }
    }

    public func reconnect(_ from: Machine, _ to: Machine) {
        _ = state.withLock { $0.deaf.remove(Link(from: from.name, to: to.name)) }
    }

    /// The way of `machine` to `service`, without a policy.
    public func channel(from machine: Machine, to service: String) -> any RPCChannel {
        SimulatedChannel(network: self, caller: machine, service: service)
    }

    // MARK: One message

    func pick(_ service: String) throws -> Endpoint {
        let known = state.withLock { $0.endpoints[service] ?? [] }
        let up = known.filter(\.machine.isUp)
        if known.count > up.count, faults.happens(.staleRegistry) || up.isEmpty {
            throw Fault.notProcessed("the connection to \(service) was refused", retryAfter: .milliseconds(100))
        }
        guard !up.isEmpty else {
            throw Fault.notProcessed("\(service) is not running", retryAfter: .milliseconds(100))
        }
        return up[Int(entropy.number(below: UInt64(up.count)))]
    }

    func travel(slowly: Bool = false) -> Duration {
        .microseconds(Int64(entropy.number(below: slowly ? limits.slowTravel : limits.travel)))
    }

    func hears(_ to: Machine, _ from: Machine) -> Bool {
        state.withLock { !$0.deaf.contains(Link(from: from.name, to: to.name)) }
    }

    /// Whether what should have come to `callee` at `arrival` still does.
    func comes(to callee: Machine, dueAt arrival: Moment) -> Bool {
        time.now - arrival <= limits.sleepMax || !state.withLock { $0.elsewhere.contains(callee.name) }
    }

    func note(_ method: MethodDescriptor, _ fault: Fault?) {
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
    /// The connection broke: nobody knows what became of the call.
    static var connectionReset: Fault { Fault(.unavailable, .unavailable, "the connection was reset") }
}
