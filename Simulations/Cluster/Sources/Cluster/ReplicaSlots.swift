package import MartletSimulation
import Synchronization

/// The processes that should be running, in the order of the deployments.
package final class ReplicaSlots: Sendable {
    private let deployments: [Deployment]
    private let slots: Mutex<[ReplicaSlot]>
    /// How often former machines passed each crash point.
    private let passedPoints = Mutex<[String: Int]>([:])

    init(of deployments: [Deployment], _ topology: DeploymentShape, replicas: Int) {
        self.deployments = deployments
        var slots: [ReplicaSlot] = []
        for deployment in deployments {
            let count = topology == .cluster && deployment.isReplicated ? replicas : 1
            slots += (1...count).map { ReplicaSlot(deployment: deployment, number: $0) }
        }
        self.slots = Mutex(slots)
    }

    var indices: Range<Int> { slots.withLock { $0.indices } }

    /// The machines that run now.
    var machines: [Machine] { slots.withLock { $0.compactMap(\.machine).filter(\.isUp) } }

    /// How often each crash point was passed, by all machines, also former ones.
    package var points: [String: Int] {
        var points = passedPoints.withLock { $0 }
        for machine in machines { points.merge(machine.hits, uniquingKeysWith: +) }
        return points
    }

    /// Services with more than one process.
    package var replicated: [String] {
        slots.withLock { slots in
            deployments.map(\.name).filter { name in slots.filter { $0.deployment.name == name }.count > 1 }
        }
    }

    /// The slots of our own services, and of the event log.
    var own: [Int] { slots.withLock { slots in slots.indices.filter { !slots[$0].deployment.isExternal } } }

    func isUp(_ index: Int) -> Bool { slots.withLock { $0[index].isUp } }

    /// The slots of `service`.
    package func indices(of service: String) -> [Int] {
        slots.withLock { slots in slots.indices.filter { slots[$0].deployment.name == service } }
    }

    /// The names of the replicas of `service`.
    func instances(of service: String) -> [String] {
        slots.withLock { $0.filter { $0.deployment.name == service }.map(\.name) }
    }

    /// The machine in a slot, and its loops.
    func process(in index: Int) -> (machine: Machine?, loops: [Task<Void, Never>]) {
        slots.withLock { ($0[index].machine, $0[index].loops) }
    }

    /// Keeps the loops of a machine, for its orderly end.
    func keep(_ loops: [Task<Void, Never>], of machine: Machine) {
        slots.withLock { slots in
            for index in slots.indices where slots[index].machine === machine { slots[index].loops = loops }
        }
    }

    /// The machine in the first slot of `service`.
    func machine(of service: String) -> Machine? {
        slots.withLock { $0.first { $0.deployment.name == service }?.machine }
    }

    /// The machine that runs or ran last in a slot.
    package func machine(in index: Int) -> Machine? { slots.withLock { $0[index].machine } }

    /// The deployment of a machine that runs or ran last in its slot.
    func deployment(of machine: Machine) -> Deployment? {
        slots.withLock { slots in slots.first { $0.machine === machine }?.deployment }
    }

    /// How many processes of `service` have ended.
    func ends(of service: String) -> Int {
        slots.withLock { slots in
            slots.filter { $0.deployment.name == service }.reduce(0) { $0 + $1.runs - ($1.isUp ? 1 : 0) }
        }
    }

    /// Whether several versions of `service` run now.
    func isMixed(_ service: String) -> Bool {
        let running = slots.withLock { $0.filter { $0.deployment.name == service && $0.isUp } }
        return Set(running.map(\.version)).count > 1
    }

    // MARK: Away

    func isAway(_ index: Int) -> Bool { slots.withLock { $0[index].isAway } }

    /// Processes of `service` are not started until ``endAbsences()``.
    func setAway(_ service: String) {
        slots.withLock { slots in
            for index in slots.indices where slots[index].deployment.name == service { slots[index].isAway = true }
        }
    }

    /// - Returns: Whether a process was away.
    func endAbsences() -> Bool {
        slots.withLock { slots in
            let isAny = slots.contains(where: \.isAway)
            for index in slots.indices { slots[index].isAway = false }
            return isAny
        }
    }

    // MARK: Starting

    /// Counts a start.
    func begin(_ index: Int) -> ReplicaSlot {
        slots.withLock { slots in
            slots[index].runs += 1
            return slots[index]
        }
    }

    /// Places the machine of a new process run.
    func place(_ machine: Machine, in index: Int) {
        if let before = slots.withLock({ $0[index].machine }) {
            passedPoints.withLock { $0.merge(before.hits, uniquingKeysWith: +) }
        }
        slots.withLock { slots in
            slots[index].machine = machine
            slots[index].loops = []
        }
    }

    /// Chooses the version that the next start runs.
    ///
    /// - Returns: The present machine.
    func choose(_ version: ReplicaVersion, in index: Int) -> Machine? {
        slots.withLock { slots in
            slots[index].version = version
            return slots[index].machine
        }
    }
}
