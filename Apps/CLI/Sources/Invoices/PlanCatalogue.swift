/// Gathers what the rows say about each stock code of goods, and reconciles it.
struct PlanCatalogue {
    /// Counts equal things and names the most frequent, the first seen of equals.
    private struct Ballot<Choice: Hashable> {
        private var votes: [Choice: (count: Int, place: Int)] = [:]

        var choices: Int { votes.count }

        mutating func vote(_ choice: Choice) {
            let place = votes.count
            votes[choice, default: (0, place)].count += 1
        }

        var winner: Choice? {
            votes.max { ($0.value.count, -$0.value.place) < ($1.value.count, -$1.value.place) }?.key
        }
    }

    private struct Entry {
        var described = Ballot<String>()
        var describedWithPrice = Ballot<String>()
        var prices: [InvoiceDate: Ballot<Mills>] = [:]
    }

    private var entries: [String: Entry] = [:]

    mutating func take(_ invoice: Invoice) {
        let `class` = invoice.class
        for row in invoice.rows where row.isGoods {
            let kind = InvoiceRowKind(row, in: `class`)
            if !row.description.isEmpty {
                entries[row.code, default: Entry()].described.vote(row.description)
                if row.price > .zero { entries[row.code, default: Entry()].describedWithPrice.vote(row.description) }
            }
            if kind == .goodsSale {
                entries[row.code, default: Entry()].prices[row.date.midnight, default: Ballot()].vote(row.price)
            }
        }
    }

    /// One product for each code of `stock`, by code.
    func products(stock: [String: InvoiceFigures.Stock]) -> [PlannedProduct] {
        stock.sorted { $0.key < $1.key }.map { sku, stock in
            let entry = entries[sku] ?? Entry()
            return PlannedProduct(
                sku: sku,
                name: entry.describedWithPrice.winner ?? entry.described.winner ?? sku,
                descriptions: entry.described.choices,
                prices: history(entry.prices),
                openingUnits: stock.opening)
        }
    }

    private func history(_ days: [InvoiceDate: Ballot<Mills>]) -> [PlannedProduct.Price] {
        var history: [PlannedProduct.Price] = []
        for (day, ballot) in days.sorted(by: { $0.key < $1.key }) {
            guard let price = ballot.winner, price != history.last?.price else { continue }
            history.append(PlannedProduct.Price(effective: day, price: price))
        }
        return history
    }
}
