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

    @Test("two spellings of one look are one stock code, invoice and customer, as for the script")
    func forms() throws {
        let rows = [
            "7001\u{C9},85123\u{C9},ONE,6,2010-12-01 08:26:00,2.55,Z\u{FC},UK",
            "7001E\u{301},85123E\u{301},TWO,4,2010-12-01 08:27:00,1.00,Zu\u{308},UK",
            "C7002,85123E\u{301},TWO,-1,2010-12-01 08:28:00,1.00,Z\u{FC},UK",
            "٣1,85123A,NO SALE,1,2010-12-01 08:28:00,1.00,9,UK", ",,,,,,,", "  , ,,\"\",,,,", "",
            "7003,85123A,THREE,1,2010-12-01 08:28:00,1.00,9,UK", ",,,,,,,", ",,,",
        ]
        let text = ([InvoiceRow.header] + rows).joined(separator: "\n") + "\n"
        try InvoicesFixture.withFile("forms.csv", bytes: Array(text.utf8)) { path in
            let plan = try InvoicePlan(path: path, first: nil)
            #expect(try plan.figures == InvoicesFixture.expected(path, invoices: nil))
            #expect(plan.figures.rows == 5)
            #expect(plan.products.map { Array($0.sku.utf8) } == [Array("85123A".utf8), Array("85123\u{C9}".utf8)])
            #expect(plan.products.map(\.line) == [5, 2])
            #expect(plan.figures.returnedUnits == 1)
            #expect(plan.figures.orders == 2)
        }
    }
}
