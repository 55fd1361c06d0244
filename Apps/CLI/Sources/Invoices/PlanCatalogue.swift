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
        var customersPrices: [InvoiceDate: Ballot<Mills>] = [:]
        var guestsPrices: [InvoiceDate: Ballot<Mills>] = [:]
    }

    private var entries: [String: Entry] = [:]

    mutating func take(_ invoice: Invoice) {
        let `class` = invoice.class
        for row in invoice.rows where row.isGoods {
            var entry = entries.removeValue(forKey: row.code) ?? Entry()
            if !row.description.isEmpty {
                entry.described.vote(row.description)
                if row.price > .zero { entry.describedWithPrice.vote(row.description) }
            }
            if InvoiceRowKind(row, in: `class`) == .goodsSale {
                let month = row.date.monthStart
                if invoice.customer == nil {
                    entry.guestsPrices[month, default: Ballot()].vote(row.price)
                } else {
                    entry.customersPrices[month, default: Ballot()].vote(row.price)
                }
            }
            entries[row.code] = entry
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
                prices: history(entry.customersPrices.isEmpty ? entry.guestsPrices : entry.customersPrices),
                openingUnits: stock.opening
            )
        }
    }

    private func history(_ months: [InvoiceDate: Ballot<Mills>]) -> [PlannedProduct.Price] {
        var history: [PlannedProduct.Price] = []
        for (month, ballot) in months.sorted(by: { $0.key < $1.key }) {
            guard let price = ballot.winner, price != history.last?.price else { continue }
            history.append(PlannedProduct.Price(effective: month, price: price))
        }
        return history
    }
}
