import MartletContract
import MartletCore
import MartletHost
import MartletTesting
import SimulatedCluster
import SwiftProtobuf

/// The operator of one key of a defect: calls until there is a response, and reports what is refused.
struct ParkedKeyOperator: Sendable {
    /// The longest time between two attempts, in milliseconds.
    static let pollIntervalMax: UInt64 = 2_000
    /// The refusal of a repeat when nothing is parked any more.
    static let notParked = "operate.not_parked"
    static let operators = Principal(user: "operator", scopes: ["operate"])
    /// The deadline of one call.
    private static let callTimeout = Duration.seconds(3)

    let world: ShopWorld
    let observations: ClientObservations
    let topic: String
    let key: String
    /// Stated in the audit log.
    let reason: String
    let entropy: SeededEntropy

    // MARK: Calls

    func list(in group: String, by client: OperateClient) async throws -> [ParkedMessageRecord] {
        let request = ListParkedMessagesRequest.with {
            $0.group = group
            $0.topic = topic
            $0.key = key
        }
        return try await retry("list what \(group) parked") {
            try await client.listParkedMessages(request, context: context(Self.operators))
        }?.messages ?? []
    }

    func drop(_ id: String, in group: String, by client: OperateClient) async throws {
        let request = DropParkedMessageRequest.with {
            $0.group = group
            $0.topic = topic
            $0.id = id
            $0.reason = reason
        }
        // Refused when an earlier attempt has arrived.
        try await retry("drop what \(group) parked", accepting: Self.notParked) {
            try await client.dropParkedMessage(request, context: context(Self.operators))
        }
    }

    func redrive(in group: String, by client: OperateClient) async throws {
        let request = RedriveParkedKeyRequest.with {
            $0.group = group
            $0.topic = topic
            $0.key = key
            $0.reason = reason
        }
        // Refused when an earlier attempt has been processed to the end.
        try await retry("redrive what \(group) parked", accepting: Self.notParked) {
            try await client.redriveParkedKey(request, context: context(Self.operators))
        }
    }

    // MARK: Retries

    var isTooLate: Bool {
        world.healedAt.map { world.time.now > $0 + Convergence.limit } ?? false
    }

    /// Retries until there is a response; `nil` when it is refused, or too late.
    ///
    /// - Parameter accepted: The refusal that is not a violation, if any.
    @discardableResult
    func retry<R>(
        _ what: String,
        accepting accepted: String? = nil,
        call: () async throws -> R
    ) async throws -> R? {
        while true {
            do { return try await call() } catch {
                try Task.checkCancellation()
                let fault = Fault(describing: error)
                // The service of the topic has not started yet.
                let isEarly = fault.reason.name == "eventlog.unknown_topic"
                if fault.code.outcome == .refused, !isEarly {
                    if fault.reason.name != accepted { report(.messageLost, "refused to \(what): \(error)") }
                    return nil
                }
                guard !isTooLate else {
                    report(.notConverged, "no response to \(what)")
                    return nil
                }
                try await sleep(upTo: Self.pollIntervalMax, entropy)
            }
        }
    }

    func sleep(upTo limit: UInt64, _ entropy: SeededEntropy) async throws {
        try await world.time.sleep(for: .milliseconds(Int64(1 + entropy.number(below: limit))))
    }

    func report(_ invariant: Invariant, _ what: String) {
        observations.record(Violation(invariant, "the key \(key): \(what)", of: key))
    }

    func context(_ principal: Principal) -> CallContext {
        CallContext(deadline: world.time.now + Self.callTimeout, principal: principal)
    }
}
