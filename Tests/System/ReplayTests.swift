import BuiltPrograms
import Foundation
import MartletSQL
import MartletTesting
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

@Suite("Replay", .enabled(if: Programs.areBuilt), .serialized, .timeLimit(.minutes(HangLimit.testMinutes)))
struct ReplayTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// A file of sample invoices.
    private func sample(_ seed: Int, _ invoices: Int) throws -> String {
        let file = folder.file("\(seed).csv")
        let made = try Programs.martlet.run([
            "sample", "--seed", "\(seed)", "--invoices", "\(invoices)", "--output", file,
        ])
        #expect(made.status == 0)
        return file
    }

    private func replay(_ file: String, in shop: RunningShop, _ options: String...) throws -> Program.Outcome {
        try Programs.martlet.run(["replay", file, "--url", shop.url, "--data", shop.folder, "--json"] + options)
    }

    private func report(_ outcome: Program.Outcome) throws -> ReplayOutcome {
        try JSONDecoder().decode(ReplayOutcome.self, from: outcome.output)
    }

    private func withShop(_ body: (RunningShop) async throws -> Void) async throws {
        let shop = try RunningShop()
        do {
            try await body(shop)
        } catch {
            _ = try shop.end()
            throw error
        }
        #expect(try shop.end() == 0)
    }

    @Test("a shop with other contents is refused with status 1; the error names the difference")
    func refused() async throws {
        try await withShop { shop in
            let file = try sample(3, 30)
            #expect(try replay(file, in: shop).status == 0)

            let factor = try replay(file, in: shop, "--stock-factor", "0.5")
            #expect(factor.status == 1)
            #expect(factor.text.hasPrefix("Error: this stock was opened with another --stock-factor"))

            let other = try replay(try sample(4, 30), in: shop)
            #expect(other.status == 1)
            #expect(other.text.hasPrefix("Error: invoice "))
            #expect(other.text.contains("is in this shop with other contents"))
        }
    }

    @Test("stock without a delivery is a difference and ends the replay with status 1")
    func difference() async throws {
        try await withShop { shop in
            let file = try sample(3, 30)
            let first = try report(try replay(file, in: shop))
            #expect(first.holds && !first.checks.isEmpty)

            try await shop.kill("inventoryd", andChange: "inventory") { tx in
                try tx.run("UPDATE stock SET on_hand = on_hand + 1 WHERE sku = (SELECT MIN(sku) FROM stock)")
            }
            let outcome = try replay(file, in: shop)
            let again = try report(outcome)
            #expect(outcome.status == 1)
            #expect(!again.holds)
            #expect(again.differences.map(\.what) == ["SKUs whose stock does not add up"])
        }
    }

    @Test("orders beyond the stock are rejected; all others are completed")
    func scarce() async throws {
        try await withShop { shop in
            let outcome = try replay(try sample(5, 200), in: shop, "--stock-factor", "0.9")
            let report = try report(outcome)
            #expect(report.differences.map(\.description) == [])
            #expect(report.holds)
            #expect(outcome.status == 0)
            #expect(report.rejections.map { [$0.by, $0.reason] } == [["inventory", "insufficient_stock"]])
            #expect(report.checks.contains { $0.what == "refunded pence of completed orders" })
        }
    }

    @Test("the replay's own figures are used only with --own-figures")
    func ownFigures() async throws {
        try await withShop { shop in
            let file = try sample(3, 10)
            #expect(try report(try replay(file, in: shop)).figuresOrigin.hasSuffix("/Scripts/expected-figures"))
            #expect(try report(try replay(file, in: shop, "--own-figures")).figuresOrigin == "martlet")
        }
    }

    @Test("operator lists name the services that do not respond")
    func missing() async throws {
        struct Response: Decodable { let missing: [String] }
        try await withShop { shop in
            let lists = [["events", "parked", "list"], ["workflows", "list"], ["audit"]]
            for list in lists {
                let complete = try Programs.martlet.run(list + ["--data", shop.folder, "--json"])
                #expect(complete.status == 0)
                #expect(try JSONDecoder().decode(Response.self, from: complete.output).missing == [])
            }
            let payments = try shop.process(of: "paymentsd")
            // A suspended supervisor does not restart it.
            kill(shop.supervisorID, SIGSTOP)
            defer { kill(shop.supervisorID, SIGCONT) }
            kill(payments, SIGKILL)
            for list in lists {
                let incomplete = try Programs.martlet.run(list + ["--data", shop.folder, "--json"])
                #expect(incomplete.status == 1)
                #expect(try JSONDecoder().decode(Response.self, from: incomplete.output).missing == ["payments"])
            }
        }
    }
}
