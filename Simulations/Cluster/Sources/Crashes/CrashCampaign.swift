/// All crashes of worlds without other faults, planned from a census of the crash points that such worlds pass.
package struct CrashCampaign: Sendable {
    /// The hits of each point at which a process crashes once.
    static let hits = 1...2

    /// How often each site was passed without faults, by deployment shape.
    let census: [DeploymentShape: [CrashSite: Int]]

    package init(census: [DeploymentShape: [CrashSite: Int]]) { self.census = census }

    /// The plans of the census: no crashes.
    package static let censuses = DeploymentShape.allCases.map { CrashPlan($0) }

    /// Each site's first and second hit, in both deployment shapes.
    package var singles: [CrashPlan] {
        DeploymentShape.allCases.flatMap { topology in
            sites(topology).flatMap { site in
                Self.hits.map { CrashPlan(topology, [.init(site.service, site.point, hit: $0)]) }
            }
        }
    }

    /// Every ordered pair of points: within one service, where the second hits the process that recovers from the
    /// first; and across services, where it hits any other service that passes the point.
    package var pairs: [CrashPlan] { pairsWithin + pairsAcross }

    /// Names of `known` that no world passes.
    package func unreached(of known: [String]) -> [String] {
        let passed = Set(census.values.flatMap(\.keys).map(\.point))
        return known.filter { !passed.contains($0) }
    }

    /// In the deployment shape in which only the restarted process can recover.
    private var pairsWithin: [CrashPlan] {
        let services = Dictionary(grouping: sites(.laptop), by: \.service).sorted { $0.key < $1.key }
        return services.flatMap { service, sites in
            sites.flatMap { first in
                sites.map { CrashPlan(.laptop, [.init(service, first.point), .init(service, $0.point)]) }
            }
        }
    }

    /// In the deployment shape in which other replicas keep running; the first crash rotates among the services that pass
    /// its point.
    private var pairsAcross: [CrashPlan] {
        let services = Dictionary(grouping: sites(.cluster), by: \.point).mapValues { $0.map(\.service) }
        let points = services.keys.sorted()
        var plans: [CrashPlan] = []
        for first in points {
            for second in points {
                let able = (services[first] ?? []).filter { services[second] != [$0] }
                guard !able.isEmpty else { continue }
                let service = able[plans.count % able.count]
                plans.append(CrashPlan(.cluster, [.init(service, first), .init(CrashPlan.CrashRule.others, second)]))
            }
        }
        return plans
    }

    private func sites(_ topology: DeploymentShape) -> [CrashSite] { (census[topology] ?? [:]).keys.sorted() }
}
