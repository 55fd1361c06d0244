/// Where processes of one world crash: each rule becomes active when the one before it has fired.
///
/// Without rules it is a census: the world reports which points its processes pass.
package struct CrashPlan: Sendable, Codable, Hashable {
    /// The `hit`-th time that a service passes a crash point.
    package struct CrashRule: Sendable, Codable, Hashable {
        /// Matches any service but that of the rule before.
        package static let others = "others"

        package let service: String
        package let point: String
        /// From 1, counted from when the rule becomes active, over all replicas of the service.
        let hit: Int

        package init(_ service: String, _ point: String, hit: Int = 1) {
            self.service = service
            self.point = point
            self.hit = hit
        }

        func matches(_ other: String, after last: String?) -> Bool {
            service == Self.others ? other != last : other == service
        }
    }

    package let topology: DeploymentShape
    package let rules: [CrashRule]

    private enum CodingKeys: String, CodingKey {
        case topology
        case rules = "traps"
    }

    package init(_ topology: DeploymentShape, _ rules: [CrashRule] = []) {
        self.topology = topology
        self.rules = rules
    }

    /// Parses text as in `laptop:parcels/outbox.committed:2,parcels/workflow.intent:1`; `nil` when it is malformed.
    package init?(_ text: String) {
        let halves = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard halves.count == 2, let topology = DeploymentShape(rawValue: String(halves[0])) else { return nil }
        self.topology = topology
        var rules: [CrashRule] = []
        for part in halves[1].isEmpty ? [] : halves[1].split(separator: ",", omittingEmptySubsequences: false) {
            let parts = part.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty else { return nil }
            let hitPart = parts[1].split(separator: ":", omittingEmptySubsequences: false)
            guard let point = hitPart.first, !point.isEmpty, hitPart.count <= 2 else { return nil }
            guard let hit = hitPart.count == 2 ? Int(hitPart[1]) : 1, hit >= 1 else { return nil }
            rules.append(CrashRule(String(parts[0]), String(point), hit: hit))
        }
        self.rules = rules
    }

    package var text: String {
        "\(topology.rawValue):" + rules.map { "\($0.service)/\($0.point):\($0.hit)" }.joined(separator: ",")
    }
}
