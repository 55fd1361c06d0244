import MartletCore

/// What a replay must know behind the gateway: topics and their groups, parked messages, stuck workflows.
struct Backstage: Sendable {
    let data: String

    /// True when no group has anything left to do.
    func isQuiet() async throws -> Bool { true }

    func compare(_ reconciliation: inout Reconciliation) async throws {}
}
