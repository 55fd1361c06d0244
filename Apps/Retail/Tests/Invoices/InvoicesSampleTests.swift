import Testing

@testable import Retail

@Suite("Sample invoices")
struct InvoicesSampleTests {
    @Test("equal seeds give equal bytes, other seeds other bytes")
    func seeds() {
        let first = InvoicesFixture.sample(seed: 7, invoices: 200)
        let again = InvoicesFixture.sample(seed: 7, invoices: 200)
        let other = InvoicesFixture.sample(seed: 8, invoices: 200)
        let longer = InvoicesFixture.sample(seed: 7, invoices: 300)
        #expect(first == again)
        #expect(first != other)
        #expect(longer.starts(with: first.prefix(first.count / 2)))
    }

    @Test("have the distributions of real ones, within a third", arguments: [1, 42] as [UInt64])
    func shape(seed: UInt64) throws {
        let shape = try Shape.of(seed: seed, invoices: 4000)
        near("sales", 0.754, found: shape.part(of: "sale"))
        near("cancellations", 0.156, found: shape.part(of: "cancellation"))
        near("losses", 0.060, found: shape.part(of: "stock_loss"))
        near("finds", 0.030, found: shape.part(of: "stock_found"))
        near("guests", 0.088, found: shape.part(of: "guests", among: "sale"))
        near("home", 0.91, found: shape.part(of: "home", among: "sale"))
        near("a code twice", 0.131, found: shape.part(of: "code twice", among: "sale"), within: 0.5)
        for (permille, lines) in [(500, 15), (900, 51), (990, 196)] {
            near("lines at \(permille)", Double(lines), found: shape.lines.quantile(permille))
        }
        for (permille, units) in [(900, 24), (990, 100)] {
            near("units at \(permille)", Double(units), found: shape.quantities.quantile(permille), within: 0.5)
        }
        for (permille, mills) in [(100, 810), (500, 2100), (900, 7950), (990, 18_290)] {
            near("price at \(permille)", Double(mills), found: shape.prices.quantile(permille))
        }
        for (permille, pence) in [(100, 6_500), (500, 30_100), (900, 91_000), (990, 396_200)] {
            near("total at \(permille)", Double(pence), found: shape.totals.quantile(permille), within: 0.5)
        }
        near("first hundredth of the codes", 0.09, found: shape.popularity(first: 0.01))
        near("first tenth of the codes", 0.44, found: shape.popularity(first: 0.10))
    }

    private func near(_ name: String, _ figure: Double, found: Double, within part: Double = 0.34) {
        #expect(abs(found - figure) <= figure * part, "\(name): \(found), real \(figure)")
    }

    @Test("have the irregularities of real ones")
    func irregularities() throws {
        let shape = try Shape.of(seed: 3, invoices: 4000)
        let rare: Set<InvoiceRowKind> = [.misplaced, .empty, .adjustment, .freeService]
        let absent = InvoiceRowKind.allCases.filter { !rare.contains($0) && shape.count[$0.rawValue] == nil }
        #expect(absent == [])
        let services = shape.services.map { $0.hasPrefix("gift_0001_") ? "gift_0001" : $0 }
        let known = ["POST", "DOT", "M", "C2", "S", "D", "AMAZONFEE", "BANK CHARGES", "PADS", "gift_0001"]
        #expect(known.filter { !services.contains($0) } == [])
        let renamed = shape.descriptions.values.filter { $0.count > 1 }.count
        let repriced = shape.pricesOfCode.values.filter { $0.count > 1 }.count
        #expect(renamed > 200)
        #expect(repriced > 2000)
        #expect(shape.part(of: "no description") > 0.02)
        #expect(shape.part(of: "fraction of a penny") > 0)
        let small = shape.pricesOfCode.keys.filter { $0 != $0.uppercased() }
        let caseVariants = small.filter { shape.pricesOfCode[$0.uppercased()] != nil }.count
        #expect(caseVariants > 0)
    }
}

/// Statistics of a sample.
private struct Shape {
    struct Numbers {
        private let sorted: [Int]

        init(_ numbers: [Int]) { sorted = numbers.sorted() }

        func quantile(_ permille: Int) -> Double { Double(sorted[sorted.count * permille / 1000]) }
    }

    var count: [String: Int] = [:]
    var services: Set<String> = []
    var descriptions: [String: Set<String>] = [:]
    var pricesOfCode: [String: Set<Mills>] = [:]
    var lines = Numbers([])
    var quantities = Numbers([])
    var prices = Numbers([])
    var totals = Numbers([])
    private var soldByCode: [String: Int] = [:]

    static func of(seed: UInt64, invoices: Int) throws -> Shape {
        let bytes = InvoicesFixture.sample(seed: seed, invoices: invoices)
        let found = try InvoicesFixture.withFile("shape-\(seed)-\(invoices).csv", bytes: bytes) { path in
            try InvoiceFile(path: path).invoices(first: nil)
        }
        return Shape(found)
    }

    private init(_ invoices: [Invoice]) {
        var lines: [Int] = []
        var totals: [Int] = []
        var sold: [InvoiceRow] = []
        for invoice in invoices {
            count["all", default: 0] += 1
            for row in invoice.rows { note(row, InvoiceRowKind(row, in: invoice.class)) }
            if invoice.class == .cancellation { count["cancellation", default: 0] += 1 }
            guard invoice.class == .sale else { continue }
            let rows = invoice.rows.filter { $0.price > .zero }
            count["sale", default: 0] += 1
            if invoice.customer == nil { count["guests", default: 0] += 1 }
            if invoice.country == "United Kingdom" { count["home", default: 0] += 1 }
            if Set(rows.map(\.code)).count < rows.count { count["code twice", default: 0] += 1 }
            lines.append(rows.count)
            totals.append(Int(rows.reduce(Mills.zero) { $0 + $1.value }.pence))
            sold += rows
        }
        self.lines = Numbers(lines)
        self.totals = Numbers(totals)
        quantities = Numbers(sold.map(\.quantity))
        prices = Numbers(sold.map { Int($0.price.rawValue) })
        for row in sold where row.isGoods { soldByCode[row.code, default: 0] += 1 }
    }

    private mutating func note(_ row: InvoiceRow, _ kind: InvoiceRowKind) {
        count[kind.rawValue, default: 0] += 1
        if row.description.isEmpty { count["no description", default: 0] += 1 }
        if row.price.rawValue % 10 != 0 { count["fraction of a penny", default: 0] += 1 }
        guard row.isGoods else {
            services.insert(row.code)
            return
        }
        descriptions[row.code, default: []].insert(row.description)
        pricesOfCode[row.code, default: []].insert(row.price)
    }

    func part(of name: String, among whole: String = "all") -> Double {
        Double(count[name, default: 0]) / Double(count[whole, default: 1])
    }

    /// The share of the goods rows that belongs to the most popular codes.
    func popularity(first part: Double) -> Double {
        let rows = soldByCode.values.sorted(by: >)
        let top = rows.prefix(max(1, Int(Double(rows.count) * part))).reduce(0, +)
        return Double(top) / Double(max(1, rows.reduce(0, +)))
    }
}
