import SimulatedCluster

extension InvariantChecker {
    /// What a group of its topic has not handled is named where an operator looks; the auditor shows that what it has
    /// handled took effect once.
    var accountChecks: [Violation] {
        guard let accounts = snapshot.accounts else { return [] }
        return accounts.violations(of: snapshot.published.map(\.account)).map { Violation(.unnamed, $0) }
    }
}

extension StateSnapshot.Entry {
    /// The event without its body.
    var account: EventAccounts.Event {
        EventAccounts.Event(topic: topic, key: key, source: source, epoch: epoch, sequence: sequence)
    }
}
