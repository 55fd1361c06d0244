import MartletSimulation

/// One process that should be running: its present machine, and what its restarts need.
struct ReplicaSlot: Sendable {
    let deployment: Deployment
    let number: Int
    var machine: Machine?
    /// What its next start runs.
    var version = ReplicaVersion.present
    var runs = 0
    /// Whether it is not started.
    var isAway = false
    /// The background loops of the machine.
    var loops: [Task<Void, Never>] = []

    /// As in `links-2`, for all its processes.
    var name: String { "\(deployment.name)-\(number)" }

    var isUp: Bool { machine?.isUp == true }
}
