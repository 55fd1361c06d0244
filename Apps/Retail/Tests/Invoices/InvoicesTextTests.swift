import Foundation
import Testing

@testable import Retail

@Suite("Texts of invoices")
struct InvoicesTextTests {
    private func plan<R>(_ rows: [String], _ body: (InvoicePlan) throws -> R) throws -> R {
        let text = ([InvoiceRow.header] + rows).joined(separator: "\n") + "\n"
        return try InvoicesFixture.withFile("texts.csv", bytes: Array(text.utf8)) { path in
            try body(InvoicePlan(path: path, first: nil))
        }
    }

    private func fault(_ rows: String...) throws -> InvoiceFault? {
        let text = ([InvoiceRow.header] + rows).joined(separator: "\n")
        return try InvoicesFixture.withFile("faults.csv", bytes: Array(text.utf8)) { path in
            #expect(throws: InvoiceFault.self) { try InvoicePlan(path: path, first: nil) }
        }
    }

    @Test("a key is visible ASCII, for any invoice number")
    func keys() throws {
        let rows = [
            "7001 01,85123A,ONE,6,2010-12-01 08:26:00,2.55,9,UK", "7001Nº,85123A,ONE,6,2010-12-01 08:26:00,2.55,9,UK",
            "7002,85123A,ONE,-1,2010-12-01 08:26:00,0.0,,UK", "C 7003,85123A,ONE,-7,2010-12-01 08:26:00,2.55,9,UK",
        ]
        let keys = try plan(rows) { plan in plan.actions.map(\.idempotencyKey) }
        #expect(
            keys == [
                "order-~NzAwMSAwMQ", "order-~NzAwMU7Cug", "correction-7002-1", "return-~QyA3MDAz-~NzAwMSAwMQ",
                "return-~QyA3MDAz-~NzAwMU7Cug",
            ]
        )
    }

    @Test("no two numbers have one text", arguments: [("C1-2", "3", "C1", "2-3"), ("~QQ", "1", "A\u{301}", "1")])
    func unambiguous(invoice: String, order: String, otherInvoice: String, otherOrder: String) {
        func key(_ invoice: String, _ order: String) -> String {
            let date = InvoiceDate(seconds: 0)
            return PlannedAction.orderReturn(
                PlannedReturn(invoice: invoice, order: order, after: [], date: date, lines: [], refund: 0)
            ).idempotencyKey
        }
        #expect(key(invoice, order) != key(otherInvoice, otherOrder))
        #expect(key("C1", "536365") == "return-C1-536365")
    }

    @Test("an id within its limit holds the number, a longer one its hash")
    func ids() {
        #expect(KeyText.of("C536367", bytesMax: 64) == "C536367")
        #expect(KeyText.of(String(repeating: "x", count: 64), bytesMax: 64).utf8.count == 64)
        #expect(KeyText.of("C 1", bytesMax: 64) == "~QyAx")
        let (first, second) = (String(repeating: "é", count: 32), String(repeating: "è", count: 32))
        let ids = [first, second].map { KeyText.of($0, bytesMax: 64) }
        #expect(Set(ids).count == 2)
        #expect(ids.allSatisfy { $0.hasPrefix("~~") && $0.utf8.count <= 64 })
    }

    @Test("a description that the shop does not take is refused with its line")
    func descriptions() throws {
        func row(_ length: Int) -> String {
            "1,85123A,\(String(repeating: "😀", count: length)),1,2010-12-01 08:26:00,1.0,,UK"
        }
        try plan([row(300)]) { plan in #expect(plan.products.map(\.name.unicodeScalars.count) == [300]) }
        let long = try fault(row(300), row(301))
        #expect(long?.line == 3)
        #expect(long?.column == "Description")
        #expect(long?.rule == "must be at most 300 characters")
    }

    @Test("a date and a text that the shop does not take are refused with their line")
    func limits() throws {
        let year = try fault("1,85123A,ONE,1,0000-12-01 08:26:00,1.0,,UK")
        #expect(year?.column == "InvoiceDate")
        #expect(year?.rule == "must be a date and time in the form yyyy-MM-dd HH:mm:ss, as in 2010-12-01 08:26:00")
        let null = try fault("1,85\u{0}123A,ONE,1,2010-12-01 08:26:00,1.0,,UK")
        #expect(null?.column == "StockCode")
        #expect(null?.rule == "must not contain the character U+0000")
    }

    @Test("a record of commas is limited in bytes as any other")
    func commas() throws {
        func read(_ commas: Int) throws -> Int {
            var records = CSVRecords()
            var fields = 0
            try records.feed(Array(repeating: UInt8(ascii: ","), count: commas)) { fields += $0.count }
            try records.finish { fields += $0.count }
            return fields
        }
        #expect(try read(CSVRecords.recordBytesMax) == CSVRecords.recordBytesMax + 1)
        #expect(throws: CSVRecords.Fault.recordTooLong(line: 1)) { try read(CSVRecords.recordBytesMax + 1) }
    }

    @Test("quotes count, line ends outside of them do not")
    func counted() throws {
        func read(_ text: String) throws {
            var records = CSVRecords()
            try records.feed(text.utf8) { _ in }
            try records.finish { _ in }
        }
        let full = String(repeating: "x", count: CSVRecords.recordBytesMax)
        try read("\(full)\r\n\(full)\n")
        #expect(throws: CSVRecords.Fault.recordTooLong(line: 2)) { try read("a\n\"\(full.dropLast())\"\n") }
    }

    @Test("a folder is no file, in plain words")
    func folder() {
        let folder = FileManager.default.temporaryDirectory.path
        let fault = #expect(throws: InvoiceFault.self) { try InvoicePlan(path: folder, first: nil) }
        #expect(fault?.rule == "cannot be read: Is a directory")
    }
}
