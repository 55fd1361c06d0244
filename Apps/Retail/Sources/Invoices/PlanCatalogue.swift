/// Derives one product for each stock code of goods from its rows.
struct PlanCatalogue {
    /// Counts equal values; among equally frequent ones the first added wins.
    private struct Frequencies<Value: Hashable> {
        private var counts: [Value: (count: Int, position: Int)] = [:]

        var distinct: Int { counts.count }

        mutating func add(_ value: Value) {
            let position = counts.count
            counts[value, default: (0, position)].count += 1
        }

        var mostFrequent: Value? {
            counts.max { ($0.value.count, -$0.value.position) < ($1.value.count, -$1.value.position) }?.key
        }
    }

    private struct Entry {
        /// Of the first row.
        let line: Int
        var described = Frequencies<String>()
        var describedWithPrice = Frequencies<String>()
        var customersPrices: [InvoiceDate: Frequencies<Mills>] = [:]
        var guestsPrices: [InvoiceDate: Frequencies<Mills>] = [:]
    }

    private var entries: [String: Entry] = [:]

    mutating func add(_ invoice: Invoice) {
        let `class` = invoice.class
        for row in invoice.rows where row.isGoods {
            var entry = entries.removeValue(forKey: row.code) ?? Entry(line: row.line)
            if !row.description.isEmpty {
                entry.described.add(row.description)
                if row.price > .zero { entry.describedWithPrice.add(row.description) }
            }
            if InvoiceRowKind(row, in: `class`) == .goodsSale {
                let month = row.date.monthStart
                if invoice.customer == nil {
                    entry.guestsPrices[month, default: Frequencies()].add(row.price)
                } else {
                    entry.customersPrices[month, default: Frequencies()].add(row.price)
                }
            }
            entries[row.code] = entry
        }
    }

    /// One product for each code of `stock`, by code.
    func products(stock: [String: InvoiceFigures.Stock]) -> [PlannedProduct] {
        stock.sorted { $0.key < $1.key }.map { sku, stock in
            let entry = entries[sku] ?? Entry(line: 1)
            return PlannedProduct(
                sku: sku,
                line: entry.line,
                name: entry.describedWithPrice.mostFrequent ?? entry.described.mostFrequent ?? sku,
                descriptions: entry.described.distinct,
                prices: history(entry.customersPrices.isEmpty ? entry.guestsPrices : entry.customersPrices),
                openingUnits: stock.opening
            )
        }
    }

    private func history(_ months: [InvoiceDate: Frequencies<Mills>]) -> [PlannedProduct.Price] {
        var history: [PlannedProduct.Price] = []
        for (month, frequencies) in months.sorted(by: { $0.key < $1.key }) {
            guard let price = frequencies.mostFrequent, price != history.last?.price else { continue }
            history.append(PlannedProduct.Price(effective: month, price: price))
        }
        return history
    }
}
