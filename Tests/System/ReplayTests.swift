import BuiltPrograms
import Foundation
import Glibc
import MartletSQL
import MartletTesting
import Testing

@Suite("A replay", .enabled(if: Programs.areBuilt), .serialized, .timeLimit(.minutes(10)))
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

    private func replay(_ file: String, _ shop: RunningShop, _ options: String...) throws -> Program.Ended {
        try Programs.martlet.run(["replay", file, "--url", shop.url, "--data", shop.folder, "--json"] + options)
    }

    private func outcome(_ ended: Program.Ended) throws -> ReplayOutcome {
        try JSONDecoder().decode(ReplayOutcome.self, from: ended.output)
    }

    private func with(_ body: (RunningShop) async throws -> Void) async throws {
        let shop = try RunningShop()
        do {
            try await body(shop)
        } catch {
            _ = try shop.end()
            throw error
        }
        #expect(try shop.end() == 0)
    }

    @Test("ends with status 1 at once when the shop has something else, and says what")
    func refused() async throws {
        try await with { shop in
            let file = try sample(3, 30)
            #expect(try replay(file, shop).status == 0)

            let factor = try replay(file, shop, "--stock-factor", "0.5")
            #expect(factor.status == 1)
            #expect(factor.words.hasPrefix("Error: this stock was opened with another --stock-factor"))

            let other = try replay(try sample(4, 30), shop)
            #expect(other.status == 1)
            #expect(other.words.hasPrefix("Error: invoice "))
            #expect(other.words.contains("is in this shop with other contents"))
        }
    }

    @Test("ends with status 1 when a shelf holds what nobody brought")
    func difference() async throws {
        try await with { shop in
            let file = try sample(3, 30)
            let first = try outcome(try replay(file, shop))
            #expect(first.holds && !first.checks.isEmpty)

            try await shop.kill("inventoryd", andChange: "inventory") { tx in
                try tx.run("UPDATE stock SET on_hand = on_hand + 1 WHERE sku = (SELECT MIN(sku) FROM stock)")
            }
            let ended = try replay(file, shop)
            let again = try outcome(ended)
            #expect(ended.status == 1)
            #expect(!again.holds)
            #expect(again.differences.map(\.what) == ["SKUs whose stock does not add up"])
        }
    }

    @Test("of more than the shelves hold sells what there is, and not more")
    func scarce() async throws {
        try await with { shop in
            let ended = try replay(try sample(5, 200), shop, "--stock-factor", "0.9")
            let outcome = try outcome(ended)
            #expect(outcome.differences.map(\.description) == [])
            #expect(outcome.holds)
            #expect(ended.status == 0)
            #expect(outcome.rejections.map { [$0.by, $0.reason] } == [["inventory", "insufficient_stock"]])
            #expect(outcome.checks.contains { $0.what == "refunded pence of completed orders" })
        }
    }

    @Test("compares with its own figures only when it is told to")
    func ownFigures() async throws {
        try await with { shop in
            let file = try sample(3, 10)
            #expect(try outcome(try replay(file, shop)).figuresOrigin.hasSuffix("/Scripts/expected-figures"))
            #expect(try outcome(try replay(file, shop, "--own-figures")).figuresOrigin == "martlet")
        }
    }

    @Test("has lists for its operators that say which service is missing")
    func missing() async throws {
        struct Answer: Decodable { let missing: [String] }
        try await with { shop in
            let lists = [["events", "parked", "list"], ["workflows", "list"], ["audit"]]
            for list in lists {
                let complete = try Programs.martlet.run(list + ["--data", shop.folder, "--json"])
                #expect(complete.status == 0)
                #expect(try JSONDecoder().decode(Answer.self, from: complete.output).missing == [])
            }
            let payments = try shop.process(of: "paymentsd")
            // Nobody starts it again as long as the supervisor sleeps.
            kill(shop.supervisorID, SIGSTOP)
            defer { kill(shop.supervisorID, SIGCONT) }
            kill(payments, SIGKILL)
            for list in lists {
                let lacking = try Programs.martlet.run(list + ["--data", shop.folder, "--json"])
                #expect(lacking.status == 1)
                #expect(try JSONDecoder().decode(Answer.self, from: lacking.output).missing == ["payments"])
            }
        }
    }
}
