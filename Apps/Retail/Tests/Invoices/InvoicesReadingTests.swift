import Testing

@testable import Retail

@Suite("Invoice file")
struct InvoicesReadingTests {
    private func records(_ text: String, piece: Int) throws -> [[String]] {
        var reader = CSVRecords()
        var found: [[String]] = []
        func collect(_ record: CSVRecords.Record) {
            found.append((0..<record.count).map { String(decoding: record[$0], as: UTF8.self) })
        }
        let bytes = Array(text.utf8)
        for start in stride(from: 0, to: bytes.count, by: piece) {
            try reader.feed(bytes[start..<min(start + piece, bytes.count)], collect)
        }
        try reader.finish(collect)
        return found
    }

    @Test("gives the same records for any split of its bytes", arguments: [1, 2, 3, 7, 100])
    func pieces(piece: Int) throws {
        let text = "\u{FEFF}a,\"b, \"\"c\"\"\",\r\n\n\"two\nlines\",,é\n,last"
        #expect(try records(text, piece: piece) == [["a", "b, \"c\"", ""], ["two\nlines", "", "é"], ["", "last"]])
    }

    @Test(
        "invalid quotes and oversized records are errors that name the line",
        arguments: [
            ("a\nb\"c", CSVRecords.Fault.quoteInsideField(line: 2)), ("a\n\"b\"c", .textAfterQuote(line: 2)),
            ("a\n\n\"b\n", .unclosedQuote(line: 3)),
            (String(repeating: "x", count: CSVRecords.recordBytesMax + 1), .recordTooLong(line: 1)),
        ]
    )
    func broken(text: String, fault: CSVRecords.Fault) {
        #expect(throws: fault) { try records(text, piece: 64) }
    }

    @Test(
        "an invalid row is an error that names line, column and rule",
        arguments: [
            ("1,,x,1,2010-12-01 08:26:00,1.0,,UK", "StockCode"), ("1,a,x,1.5,2010-12-01 08:26:00,1.0,,UK", "Quantity"),
            ("1,a,x,100001,2010-12-01 08:26:00,1.0,,UK", "Quantity"),
            ("1,a,x,1,2010-02-30 08:26:00,1.0,,UK", "InvoiceDate"),
            ("1,a,x,1,2010-12-01T08:26:00,1.0,,UK", "InvoiceDate"),
            ("1,a,x,1,2010-12-01 08:26:00,1.0005,,UK", "UnitPrice"),
            ("1,a,x,1,2010-12-01 08:26:00,1e3,,UK", "UnitPrice"), ("1,a,x,1,2010-12-01 08:26:00,1.0,,UK,more", nil),
        ] as [(String, String?)]
    )
    func faults(row: String, column: String?) throws {
        let text = "\(InvoiceRow.header)\n0,a,\"two\nlines\",1,2010-12-01 08:26:00,1.0,,UK\n\(row)\n"
        let name = "faults-\(row.utf8.reduce(7) { ($0 &* 31) ^ Int($1) }.magnitude).csv"
        try InvoicesFixture.withFile(name, bytes: Array(text.utf8)) { path in
            let fault = #expect(throws: InvoiceFault.self) { try InvoicePlan(path: path, first: nil) }
            #expect(fault?.line == 4)
            #expect(fault?.column == column)
        }
    }

    @Test("without invoices is an error")
    func none() throws {
        try InvoicesFixture.withFile("none.csv", bytes: Array("\(InvoiceRow.header)\n".utf8)) { path in
            let fault = #expect(throws: InvoiceFault.self) { try InvoicePlan(path: path, first: nil) }
            #expect(fault?.rule == "has no invoices")
        }
    }

    @Test("a wrong header, a missing file and invalid gzip data are errors")
    func files() throws {
        try InvoicesFixture.withFile("header.csv", bytes: Array("a,b\n1,2\n".utf8)) { path in
            let fault = #expect(throws: InvoiceFault.self) { try InvoicePlan(path: path, first: nil) }
            #expect(fault?.line == 1)
        }
        try InvoicesFixture.withFile("packed.csv.gz", bytes: [0x1F, 0x8B, 1, 2, 3]) { path in
            let fault = #expect(throws: InvoiceFault.self) { try InvoicePlan(path: path, first: nil) }
            #expect(fault?.rule == "gzip cannot unpack it")
        }
        #expect(throws: InvoiceFault.self) { try InvoicePlan(path: "/nowhere/at/all.csv", first: nil) }
    }

    @Test(
        "prices are exact thousandths",
        arguments: [("2.55", 2550), ("18", 18_000), ("0.001", 1), ("-1.5", -1500)]
    )
    func prices(text: String, mills: Int64) {
        #expect(Mills(reading: text.utf8)?.rawValue == mills)
    }

    @Test("a price must be a plain decimal", arguments: ["", "-", ".5", "5.", "1.2345", "1,0", "1000000.001"])
    func noPrices(text: String) {
        #expect(Mills(reading: text.utf8) == nil)
    }

    @Test(
        "sums round to pence, half to even",
        arguments: [(5, 0), (15, 2), (25, 2), (26, 3), (14, 1), (-5, 0), (-15, -2), (-16, -2), (10, 1)]
    )
    func rounding(mills: Int64, pence: Int64) {
        #expect(Mills(rawValue: mills).pence == pence)
    }

    @Test("dates round-trip", arguments: ["2010-12-01 08:26:00", "2012-02-29 23:59:59"])
    func dates(text: String) throws {
        let date = try #require(InvoiceDate(reading: text.utf8))
        #expect(date.description == text)
        #expect(date.rfc3339 == text.split(separator: " ").joined(separator: "T") + "Z")
        #expect(date.monthStart.description.hasSuffix("-01 00:00:00"))
    }
}
