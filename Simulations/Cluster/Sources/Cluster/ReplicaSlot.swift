import MartletSimulation

/// One process that should be running: its present machine, and what its restarts need.
struct ReplicaSlot: Sendable {
    let deployment: Deployment
    let number: Int
    var machine: Machine?
    /// Whether its next start runs the next version.
    var isNext = false
    var runs = 0

    var isUp: Bool { machine?.isUp == true }
}
