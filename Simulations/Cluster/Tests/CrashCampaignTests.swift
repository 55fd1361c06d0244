import SimulatedCluster
import Testing

@Suite("Crash campaign")
struct CrashCampaignTests {
    private static func sites(_ services: [String: [String]]) -> [CrashSite: Int] {
        var sites: [CrashSite: Int] = [:]
        for (service, points) in services {
            for point in points { sites[CrashSite(service: service, point: point)] = 2 }
        }
        return sites
    }

    private let campaign: CrashCampaign = {
        let sites = CrashCampaignTests.sites(["parcels": ["a.x", "b.x"], "links": ["a.x", "c.x"]])
        return CrashCampaign(census: [.laptop: sites, .cluster: sites])
    }()

    @Test("singles: each site's first and second hit, in both topologies")
    func singles() {
        let plans = campaign.singles
        #expect(plans.count == 4 * 2 * 2)
        #expect(Set(plans).count == plans.count)
        #expect(plans.contains(CrashPlan(.cluster, [.init("links", "c.x", hit: 2)])))
    }

    @Test("pairs: every ordered pair of points within one service, and across services")
    func pairs() {
        let plans = campaign.pairs
        let within = plans.filter { $0.topology == .laptop }.map { $0.rules.map(\.point) }
        #expect(within.count == 4 + 4)
        #expect(within.contains(["b.x", "a.x"]) && within.contains(["b.x", "b.x"]))
        let across = plans.filter { $0.topology == .cluster }
        // All nine but the pairs whose points belong to the same single service.
        #expect(Set(across.map { $0.rules.map(\.point) }).count == 9 - 2)
        #expect(across.count == 7)
        #expect(across.allSatisfy { $0.rules[1].service == CrashPlan.CrashRule.others })
        #expect(across.contains(CrashPlan(.cluster, [.init("links", "a.x"), .init("others", "b.x")])))
    }

    @Test("lists the crash points that no world passes")
    func unreached() {
        #expect(campaign.unreached(of: ["a.x", "d.x"]) == ["d.x"])
    }

    @Test("a plan's text parses to the same plan; malformed text does not parse")
    func text() {
        for plan in campaign.singles + campaign.pairs + CrashCampaign.censuses {
            #expect(CrashPlan(plan.text) == plan)
        }
        #expect(CrashPlan("laptop:parcels/a.x")?.rules == [.init("parcels", "a.x", hit: 1)])
        for wrong in [
            "", "laptop", "desk:parcels/a.x:1", "laptop:parcels", "laptop:parcels/a.x:0", "laptop:/a.x", "laptop:a/b/c",
        ] {
            #expect(CrashPlan(wrong) == nil, "\(wrong)")
        }
    }
}
