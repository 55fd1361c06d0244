import Foundation
import MartletHost
import MartletSQL
import MartletSQLite
import MartletSimulation
import MartletTesting
import Shop
import SimulatedCluster
import SimulatedDisk
import StoredInvariants
import Testing

@testable import ShopSimulation

@Suite("Stored invariants")
struct StoredInvariantTests {
    private static let templates = Result { try Deployment.templates(of: ShopDeployments.all) }

    /// The violations in a service's sound tables after `changes`.
    private func violations(in service: String, after changes: [String]) throws -> [Violation] {
        let image = try #require(try Self.templates.get()[service])
        let statements = try #require(StoredDefect.sound[service]) + changes
        let simulation = Simulation(seed: 1)
        return try simulation.run {
            let store = Store(image, entropy: SeededEntropy(seed: 1))
            try store.open(time: simulation.time) { _ in }
            try await store.current().transaction("plant", deadline: nil) { (tx: borrowing SQLTransaction) in
                for statement in statements { try tx.run(SQLQuery(unchecked: statement)) }
            }
            return try await store.inspect { (tx: borrowing SQLTransaction) in
                try Violation.found(by: StoredInvariant.of(service), in: tx)
            }
        }
    }

    @Test("find no violation in sound tables", arguments: StoredInvariant.services)
    func sound(_ service: String) throws {
        #expect(try violations(in: service, after: []).map(\.what) == [])
    }

    @Test("find each planted defect, and nothing else", arguments: StoredDefect.all)
    func finds(_ defect: StoredDefect) throws {
        let found = try violations(in: defect.service, after: defect.statements)
        let violated = StoredInvariant.of(defect.service)
            .filter { invariant in
                found.contains {
                    $0.what.hasPrefix(invariant.what + ": ") && $0.invariant == Invariant(number: invariant.number)
                }
            }
        #expect(Set(violated.map(\.what)) == Set(defect.expected), "\(found)")
        #expect(found.allSatisfy { !$0.aggregate.isEmpty })
    }

    @Test("each has a planted defect, and a number of the guide")
    func complete() {
        let common = Set(StoredInvariant.common.map(\.what))
        for service in StoredInvariant.services {
            let planted = StoredDefect.all.filter { $0.service == service }.compactMap(\.expected.first)
            #expect(Set(planted).subtracting(common) == Set(StoredInvariant.own(service).map(\.what)))
            #expect(StoredInvariant.of(service).allSatisfy { Invariant(number: $0.number) != nil })
        }
        #expect(common.subtracting(StoredDefect.all.compactMap(\.expected.first)) == [])
        #expect(!StoredInvariant.services.isEmpty)
    }

    @Test("each file is read, and is of a service or of all")
    func files() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../Invariants/Sources").standardized
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
            .filter { $0.hasSuffix(".sql") }
            .map { String($0.dropLast(".sql".count)) }
        #expect(Set(names) == Set(StoredInvariant.services + ["common"]))
        #expect(Set(StoredInvariant.services).subtracting(ShopServices.all.map { $0.name }) == [])
        for service in StoredInvariant.services { #expect(!StoredInvariant.own(service).isEmpty) }
        #expect(!StoredInvariant.common.isEmpty)
    }

    /// What a poll finds in a database as that of `service`.
    private func polled(_ service: String, _ image: DiskImage, isOpen: Bool = true) throws -> [Violation] {
        let simulation = Simulation(seed: 1)
        return try simulation.run {
            let store = Store(image, entropy: SeededEntropy(seed: 1))
            if isOpen { try store.open(time: simulation.time) { _ in } }
            return await Violation.found(always: service, in: store)
        }
    }

    @Test("a poll accepts a database that is not open, and reports a query that fails")
    func polls() throws {
        let templates = try Self.templates.get()
        let (orders, payments) = (try #require(templates["orders"]), try #require(templates["payments"]))
        #expect(try polled("orders", orders).map(\.what) == [])
        #expect(try polled("orders", orders, isOpen: false).map(\.what) == [])
        let broken = try polled("orders", payments)
        #expect(broken.count == 1)
        #expect(broken.first?.what.hasPrefix("the invariants of orders cannot be checked: ") == true)
    }

    @Test("each service with invariants of every moment is polled")
    func isPolled() {
        let polled = ContinuousChecker.services(among: ShopDeployments.all.map(\.name))
        for service in StoredInvariant.services {
            let isDue = StoredInvariant.of(service).contains { $0.moment == .always }
            #expect(polled.contains(service) == isDue, "\(service)")
        }
        #expect(polled.contains("orders"))
    }

    @Test("the invariant checker reports what violates one")
    func reported() throws {
        var fixture = try CheckerFixture.sound()
        fixture.snapshot.violations = [Violation(.oversold, "stock that does not add up")]
        #expect(fixture.violations.map(\.what) == ["stock that does not add up"])
    }
}
