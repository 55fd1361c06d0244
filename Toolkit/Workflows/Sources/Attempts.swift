import MartletCore

/// Counts the failed attempts of one step, and decides what follows each.
struct Attempts: Sendable, Equatable {
    enum Next: Equatable {
        case delay(Duration)
        /// A limit is reached: the run needs a human.
        case park
    }

    private(set) var failures: Int
    private(set) var unknowns: Int

    init(failures: Int = 0, unknowns: Int = 0) {
        self.failures = failures
        self.unknowns = unknowns
    }

    /// - Parameter fraction: Random, in 0..<1.
    mutating func failed(
        _ outcome: FaultCode.Outcome,
        retryAfter: Duration?,
        _ limits: WorkflowLimits,
        fraction: Double
    ) -> Next {
        failures += 1
        if outcome == .unknown { unknowns += 1 }
        guard failures < limits.attemptsLimit, unknowns < limits.unknownLimit else { return .park }
        let delay = limits.backoff.delay(after: failures, fraction: fraction)
        return .delay(max(delay, min(retryAfter ?? .zero, limits.retryDelayMax)))
    }

    func isLookUpDue(_ limits: WorkflowLimits) -> Bool { unknowns > 0 && unknowns % limits.lookUpAfter == 0 }
}
