/// A crash point as one service passes it.
public struct CrashSite: Sendable, Codable, Hashable, Comparable {
    public let service: String
    public let point: String

    public init(service: String, point: String) {
        self.service = service
        self.point = point
    }

    /// As in `orders/outbox.committed`.
    public var text: String { "\(service)/\(point)" }

    public static func < (left: CrashSite, right: CrashSite) -> Bool {
        (left.service, left.point) < (right.service, right.point)
    }
}

/// Every crash that worlds without any other fault can have, planned from what a census of them passed.
public struct CrashCampaign: Sendable {
    /// The hits of each point at which a process ends once.
    public static let hits = 1...2

    /// How often each site was passed while nothing went wrong, by topology.
    public let census: [Topology: [CrashSite: Int]]

    public init(census: [Topology: [CrashSite: Int]]) { self.census = census }

    /// Worlds that find out what there is.
    public static let censuses = Topology.allCases.map { CrashPlan($0) }

    /// Each site's first and second hit, in both topologies.
    public var singles: [CrashPlan] {
        Topology.allCases.flatMap { topology in
            sites(topology).flatMap { site in
                Self.hits.map { CrashPlan(topology, [.init(site.service, site.point, hit: $0)]) }
            }
        }
    }

    /// Every ordered pair of points: in one service, where the second hits the process that recovers from the first; and
    /// across services, where it hits whichever other one passes the point.
    public var pairs: [CrashPlan] { pairsWithin + pairsAcross }

    /// Names of `known` that no world passes.
    public func unreached(of known: [String]) -> [String] {
        let passed = Set(census.values.flatMap(\.keys).map(\.point))
        return known.filter { !passed.contains($0) }
    }

    /// In the topology where the process that starts again is the only one that can recover.
    private var pairsWithin: [CrashPlan] {
        let services = Dictionary(grouping: sites(.laptop), by: \.service).sorted { $0.key < $1.key }
        return services.flatMap { service, sites in
            sites.flatMap { first in
                sites.map { CrashPlan(.laptop, [.init(service, first.point), .init(service, $0.point)]) }
            }
        }
    }

    /// Where other replicas go on meanwhile; the first crash takes turns among the services that can have it.
    private var pairsAcross: [CrashPlan] {
        let services = Dictionary(grouping: sites(.cluster), by: \.point).mapValues { $0.map(\.service) }
        let points = services.keys.sorted()
        var plans: [CrashPlan] = []
        for first in points {
            for second in points {
                let able = (services[first] ?? []).filter { services[second] != [$0] }
                guard !able.isEmpty else { continue }
                let service = able[plans.count % able.count]
                plans.append(CrashPlan(.cluster, [.init(service, first), .init(CrashPlan.Trap.others, second)]))
            }
        }
        return plans
    }

    private func sites(_ topology: Topology) -> [CrashSite] { (census[topology] ?? [:]).keys.sorted() }
}
