/// Where processes of one world are to end: each trap is laid when the one before it has sprung.
///
/// Without traps it is a census: the world says which points its processes pass.
public struct CrashPlan: Sendable, Codable, Hashable {
    /// The `hit`-th time that a service passes a crash point.
    public struct Trap: Sendable, Codable, Hashable {
        /// What stands for any service but that of the trap before.
        public static let others = "others"

        public let service: String
        public let point: String
        /// From 1, counted from when the trap is laid, over all replicas of the service.
        public let hit: Int

        public init(_ service: String, _ point: String, hit: Int = 1) {
            self.service = service
            self.point = point
            self.hit = hit
        }

        func catches(_ other: String, after last: String?) -> Bool {
            service == Self.others ? other != last : other == service
        }
    }

    public let topology: Topology
    public let traps: [Trap]

    public init(_ topology: Topology, _ traps: [Trap] = []) {
        self.topology = topology
        self.traps = traps
    }

    /// As in `laptop:orders/outbox.committed:2,orders/workflow.intent:1`; `nil` when `text` is nothing like it.
    public init?(_ text: String) {
        let halves = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard halves.count == 2, let topology = Topology(rawValue: String(halves[0])) else { return nil }
        self.topology = topology
        var traps: [Trap] = []
        for word in halves[1].isEmpty ? [] : halves[1].split(separator: ",", omittingEmptySubsequences: false) {
            let parts = word.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty else { return nil }
            let place = parts[1].split(separator: ":", omittingEmptySubsequences: false)
            guard let point = place.first, !point.isEmpty, place.count <= 2 else { return nil }
            guard let hit = place.count == 2 ? Int(place[1]) : 1, hit >= 1 else { return nil }
            traps.append(Trap(String(parts[0]), String(point), hit: hit))
        }
        self.traps = traps
    }

    /// How often all that leads to crash points is done: what a crash prevented is met by the next round.
    var rounds: Int { traps.count + (traps.isEmpty ? 2 : 1) }

    public var text: String {
        "\(topology.rawValue):" + traps.map { "\($0.service)/\($0.point):\($0.hit)" }.joined(separator: ",")
    }
}
