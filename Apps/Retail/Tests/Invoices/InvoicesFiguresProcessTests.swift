import Foundation
import Testing

@testable import Retail

@Suite("Plan figures")
struct InvoicesFiguresProcessTests {
    @Test("equal those of the independent script on sample invoices", arguments: [1, 2, 3] as [UInt64])
    func sample(seed: UInt64) throws {
        let bytes = InvoicesFixture.sample(seed: seed, invoices: 1500)
        try InvoicesFixture.withFile("figures-\(seed).csv", bytes: bytes) { path in
            let whole = try InvoicePlan(path: path, first: nil).figures
            #expect(try whole == InvoicesFixture.expected(path, invoices: nil))
            #expect(whole.invoices == 1500)
            #expect(whole.returns > 0 && whole.creditNotes > 0 && whole.corrections > 0)
            let part = try InvoicePlan(path: path, first: 700).figures
            #expect(try part == InvoicesFixture.expected(path, invoices: 700))
            #expect(part.invoices == 700)
        }
    }

    @Test(
        "equal those of the independent script on half a year of real invoices",
        .enabled(if: InvoicesFixture.hasRealFile),
        arguments: [1500, nil]
    )
    func real(limit: Int?) throws {
        let figures = try InvoicePlan(path: InvoicesFixture.realFile, first: limit).figures
        #expect(try figures == InvoicesFixture.expected(InvoicesFixture.realFile, invoices: limit))
        guard limit == nil else { return }
        #expect(figures.rows == 209_029)
        #expect(figures.invoices == 10_783)
        #expect(figures.orders == 8_126)
        #expect(figures.capturedPence == 406_472_659)
    }

    @Test("equal those of the independent script on rows of every kind")
    func everyKind() throws {
        let path = InvoicesFixture.everyKindFile
        let figures = try InvoicePlan(path: path, first: nil).figures
        #expect(try figures == InvoicesFixture.expected(path, invoices: nil))
        #expect(figures.rowKinds.filter { $0.value == 0 }.keys.sorted() == [])
        #expect(figures.returns > 0 && figures.creditNotes > 0 && figures.corrections > 0)
    }
}
