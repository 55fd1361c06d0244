import BuiltPrograms
import Foundation
import MartletCore
import MartletTesting
import Testing

/// The output of `martlet chaos --json`, as far as the tests use it.
private struct InjectedFault: Decodable {
    let kind: String
    let daemon: String
    let pid: Int32
    let seconds: Double
    let readyAfterSeconds: Double?
    let connections: Int
}

@Suite("Chaos commands", .enabled(if: Programs.areBuilt), .serialized, .timeLimit(.minutes(HangLimit.testMinutes)))
struct ChaosTests {
    private func chaos(_ shop: RunningShop, _ arguments: String...) throws -> (status: Int32, done: [InjectedFault]) {
        let outcome = try Programs.martlet.run(["chaos"] + arguments + ["--data", shop.folder, "--json"])
        let done = outcome.output.isEmpty ? [] : try JSONDecoder().decode([InjectedFault].self, from: outcome.output)
        return (outcome.status, done)
    }

    @Test("a daemon recovers from kill, pause, slow and cut")
    func recovery() async throws {
        let shop = try RunningShop()
        let stocked = try await StockedShop(shop)
        let before = try shop.process(of: "catalogd")

        let killed = try chaos(shop, "kill", "catalogd")
        #expect(killed.status == 0)
        #expect(killed.done.map(\.pid) == [before])
        #expect(killed.done.first?.readyAfterSeconds != nil)
        let after = try shop.process(of: "catalogd")
        #expect(after != before)

        let paused = try chaos(shop, "pause", "catalog", "--for", "1s")
        #expect(paused.status == 0)
        #expect(paused.done.map(\.daemon) == ["catalogd"])
        #expect(paused.done.first.map { $0.seconds >= 1 } == true)

        let slowed = try chaos(shop, "slow", "catalogd", "--for", "1s")
        #expect(slowed.done.first?.readyAfterSeconds != nil)

        let cut = try chaos(shop, "cut", "eventlogd")
        #expect(cut.status == 0)
        #expect(cut.done.first.map { $0.connections > 0 } == true)
        #expect(try shop.process(of: "catalogd") == after)

        let order = try await stocked.retried(.order(key: "after"))
        #expect(order.status == 200, "\(order)")
        #expect(try shop.end() == 0)
    }

    @Test("a missing shop and an unknown daemon are refused")
    func refusals() throws {
        let nowhere = NSTemporaryDirectory() + ProcessInfo.processInfo.globallyUniqueString
        #expect(try Programs.martlet.run(["chaos", "kill", "ordersd", "--data", nowhere]).status == 3)

        let shop = try RunningShop()
        #expect(try chaos(shop, "kill", "sshd").status == 64)
        #expect(try shop.restarts() == 0)
        #expect(try shop.end() == 0)
    }
}
