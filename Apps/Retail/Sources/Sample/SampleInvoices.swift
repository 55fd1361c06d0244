import Console

/// Generates invoices one by one, with the distributions of ``SampleShape``.
struct SampleInvoices: Sendable {
    private static let home = "United Kingdom"

    private var dice: SeededDice
    private let catalogue: SampleCatalogue
    private let customers: SampleCustomers
    private var calendar = SampleCalendar()
    private var history = SampleOrderHistory()
    private var number = 536_365
    /// A mistaken order that its customer cancels with the next invoice.
    private var mistake: SampleOrderHistory.Order?

    init(seed: UInt64) {
        dice = SeededDice(seed: seed)
        catalogue = SampleCatalogue(dice: &dice)
        customers = SampleCustomers(dice: &dice)
    }

    /// The rows of the next invoice, at least one.
    mutating func next() -> [InvoiceRow] {
        let date = calendar.next(&dice)
        number += dice.within(1...2)
        if let order = mistake {
            mistake = nil
            return order.rows.map { row in
                self.row(
                    prefix: "C",
                    code: row.code,
                    description: row.description,
                    quantity: -row.quantity,
                    date: date,
                    price: row.price,
                    customer: order.customer
                )
            }
        }
        switch SampleShape.events.draw(&dice) {
        case .sale: return sale(date)
        case .cancellation: return cancellation(date)
        case .loss: return [loss(date)]
        case .found: return [found(date)]
        case .note: return [row(code: "POST", description: "", quantity: 1000, date: date, price: .zero, customer: nil)]
        case .adjustment:
            return [
                row(
                    prefix: "A",
                    code: "B",
                    description: "Adjust bad debt",
                    quantity: 1,
                    date: date,
                    price: Mills(rawValue: 11_062_060),
                    customer: nil
                )
            ]
        }
    }

    private func row(
        prefix: String = "",
        code: String,
        description: String,
        quantity: Int,
        date: InvoiceDate,
        price: Mills,
        customer: SampleCustomer?
    ) -> InvoiceRow {
        InvoiceRow(
            invoice: "\(prefix)\(number)",
            code: code,
            description: description,
            quantity: quantity,
            date: date,
            price: price,
            customer: customer?.number,
            country: customer?.country ?? Self.home
        )
    }
}

// MARK: - Sales

extension SampleInvoices {
    private mutating func sale(_ date: InvoiceDate) -> [InvoiceRow] {
        guard !dice.chance(permille: 88) else { return guestsSale(date) }
        let customer = customers.one(&dice)
        guard dice.below(4000) > 0 else { return hugeMistake(date, customer) }
        var rows: [InvoiceRow] = []
        if dice.chance(permille: 6) {
            rows = [manual(date, customer)]
        } else {
            let lines = SampleShape.customersLines.draw(&dice)
            let factor = SampleShape.wholesale(lines: lines).draw(&dice)
            for goods in catalogue.draw(lines, &dice) {
                // A long order is often from a small shop that buys one of each.
                let isSmall = lines > 40 && dice.chance(permille: 450)
                let quantities = isSmall ? SampleShape.guestsQuantity : .init(goods.listPrice)
                let quantity = min(9_600, quantities.draw(&dice) * factor)
                rows.append(line(goods, quantity: quantity, date: date, customer: customer, isWebShop: false))
            }
            addIrregularities(to: &rows, date, customer)
        }
        addPostage(to: &rows, date, customer)
        history.add(rows, of: customer)
        return rows
    }

    private mutating func guestsSale(_ date: InvoiceDate) -> [InvoiceRow] {
        let lines = SampleShape.guestsLines.draw(&dice)
        let isWebShop = lines > 5
        var rows: [InvoiceRow] = []
        for goods in catalogue.draw(lines, &dice) {
            let quantity = SampleShape.guestsQuantity.draw(&dice)
            rows.append(line(goods, quantity: quantity, date: date, customer: nil, isWebShop: isWebShop))
        }
        addIrregularities(to: &rows, date, nil)
        if lines > 15, dice.chance(permille: 830) {
            let pence = dice.within(2_000...3_000) + lines * dice.within(50...250)
            rows.append(
                row(
                    code: "DOT",
                    description: "DOTCOM POSTAGE",
                    quantity: 1,
                    date: date,
                    price: Mills(rawValue: Int64(pence) * 10),
                    customer: nil
                )
            )
        }
        if dice.chance(permille: 24) {
            let worth = dice.pick([10, 20, 20, 30, 40, 50])
            let price = Mills(rawValue: Int64(worth * 1000) * 10 / 12 / 10 * 10)
            rows.append(
                row(
                    code: "gift_0001_\(worth)",
                    description: "Dotcomgiftshop Gift Voucher £\(worth).00",
                    quantity: 1,
                    date: date,
                    price: price,
                    customer: nil
                )
            )
        }
        if lines > 40, dice.chance(permille: 45) { makeFree(&rows, dice.within(5...30)) }
        if dice.chance(permille: 20) { rows.append(manual(date, nil)) }
        return rows
    }

    private mutating func line(
        _ goods: SampleGoods,
        quantity: Int,
        date: InvoiceDate,
        customer: SampleCustomer?,
        isWebShop: Bool
    ) -> InvoiceRow {
        let isSmall = isWebShop && dice.chance(permille: 500)
        let code = isSmall ? goods.smallCode ?? goods.code : goods.code
        let price = goods.price(on: date, quantity: quantity, isWebShop: isWebShop)
        return row(
            code: code,
            description: goods.written(&dice),
            quantity: quantity,
            date: date,
            price: price,
            customer: customer
        )
    }

    /// A typing error in the quantity; the next invoice cancels it.
    private mutating func hugeMistake(_ date: InvoiceDate, _ customer: SampleCustomer) -> [InvoiceRow] {
        let row = line(
            catalogue.one(&dice),
            quantity: dice.within(10_000...74_215),
            date: date,
            customer: customer,
            isWebShop: false
        )
        mistake = SampleOrderHistory.Order(customer: customer, rows: [row])
        return [row]
    }

    private mutating func manual(_ date: InvoiceDate, _ customer: SampleCustomer?) -> InvoiceRow {
        let code = customer == nil && dice.chance(permille: 60) ? "m" : "M"
        let quantity = dice.pick([1, 1, 1, 1, 2, 4, 12])
        let price = Mills(rawValue: Int64(SampleShape.manualPence.draw(&dice)) * 10)
        return row(code: code, description: "Manual", quantity: quantity, date: date, price: price, customer: customer)
    }

    private mutating func addPostage(to rows: inout [InvoiceRow], _ date: InvoiceDate, _ customer: SampleCustomer) {
        guard customer.country != Self.home else { return }
        if ["EIRE", "Channel Islands"].contains(customer.country) {
            guard dice.chance(permille: 450) else { return }
            rows.append(
                row(
                    code: "C2",
                    description: "CARRIAGE",
                    quantity: 1,
                    date: date,
                    price: Mills(rawValue: 50_000),
                    customer: customer
                )
            )
        } else if dice.chance(permille: 680) {
            let price = Mills(rawValue: dice.pick([18_000, 18_000, 18_000, 15_000, 40_000]))
            rows.append(
                row(
                    code: "POST",
                    description: "POSTAGE",
                    quantity: dice.pick([1, 1, 1, 2, 2, 3, 4]),
                    date: date,
                    price: price,
                    customer: customer
                )
            )
        }
    }

    /// A repeated code, a free line, a price in fractions of a penny, a manual line, a second minute.
    private mutating func addIrregularities(
        to rows: inout [InvoiceRow],
        _ date: InvoiceDate,
        _ customer: SampleCustomer?
    ) {
        if rows.count >= 4, dice.chance(permille: 150) {
            for _ in 0..<dice.within(1...3) {
                var again = dice.pick(rows)
                if dice.chance(permille: 300) { again.quantity = dice.within(1...6) }
                rows.append(again)
            }
        }
        guard customer != nil else { return }
        if rows.count > 1, dice.chance(permille: 2) { makeFree(&rows, 1) }
        if dice.below(400) == 0 {
            let price = Mills(rawValue: dice.pick([1, 5, 15, 125]))
            rows.append(
                row(
                    code: "PADS",
                    description: "PADS TO MATCH ALL CUSHIONS",
                    quantity: dice.pick([1, 1, 3]),
                    date: date,
                    price: price,
                    customer: customer
                )
            )
        }
        if dice.chance(permille: 15) { rows.append(manual(date, customer)) }
        if rows.count > 20, dice.chance(permille: 8) {
            for index in rows.count / 2..<rows.count { rows[index].date = InvoiceDate(seconds: date.seconds + 60) }
        }
    }

    private mutating func makeFree(_ rows: inout [InvoiceRow], _ count: Int) {
        // The first row keeps its price, so that the invoice stays a sale.
        for _ in 0..<count { rows[dice.within(1...rows.count - 1)].price = .zero }
    }
}

extension SampleWeights where Value == Int {
    fileprivate init(_ listPrice: Int64) { self = SampleShape.customersQuantity(price: listPrice) }
}

// MARK: - What is not a sale

extension SampleInvoices {
    private mutating func cancellation(_ date: InvoiceDate) -> [InvoiceRow] {
        if dice.chance(permille: 100) { return [cancelledService(date)] }
        let lines = SampleShape.cancelledLines.draw(&dice)
        guard dice.chance(permille: 800), let order = history.one(&dice), !order.rows.isEmpty else {
            return strayCancellation(lines, date)
        }
        let first = dice.below(order.rows.count)
        var rows = order.rows[first...].prefix(lines).map { sold in
            let units = dice.chance(permille: 300) ? sold.quantity : SampleShape.cancelledUnits.draw(&dice)
            var price = sold.price
            if dice.chance(permille: 80) { price = Mills(rawValue: max(10, price.rawValue * 9 / 100 * 10)) }
            return row(
                prefix: "C",
                code: sold.code,
                description: sold.description,
                quantity: -min(units, sold.quantity),
                date: date,
                price: price,
                customer: order.customer
            )
        }
        if dice.chance(permille: 18) {
            let price = Mills(rawValue: Int64(SampleShape.manualPence.draw(&dice)) * 10)
            rows.append(
                row(
                    prefix: "C",
                    code: "M",
                    description: "Manual",
                    quantity: -1,
                    date: date,
                    price: price,
                    customer: order.customer
                )
            )
        }
        return rows
    }

    /// A cancellation of goods that its customer never bought here, or by a guest.
    private mutating func strayCancellation(_ lines: Int, _ date: InvoiceDate) -> [InvoiceRow] {
        let customer = dice.chance(permille: 200) ? nil : customers.one(&dice)
        return catalogue.draw(lines, &dice).map { goods in
            let units = SampleShape.cancelledUnits.draw(&dice)
            let price = goods.price(on: date, quantity: units, isWebShop: false)
            return row(
                prefix: "C",
                code: goods.code,
                description: goods.written(&dice),
                quantity: -units,
                date: date,
                price: price,
                customer: customer
            )
        }
    }

    private mutating func cancelledService(_ date: InvoiceDate) -> InvoiceRow {
        let service = SampleShape.cancelledServices.draw(&dice)
        var customer = service.isGuest ? nil : customers.one(&dice)
        var pence = SampleShape.manualPence.draw(&dice)
        var description = "Manual"
        switch service.code {
        case "POST":
            description = "POSTAGE"
            pence = 1_800
            let postage = history.one(&dice).flatMap { order in
                order.rows.first { $0.code == "POST" }.map { (order.customer, $0) }
            }
            if let (buyer, sold) = postage, !service.isGuest {
                customer = buyer
                pence = Int(sold.price.rawValue / 10)
            }
        case "C2": (description, pence) = ("CARRIAGE", 5_000)
        case "DOT": (description, pence) = ("DOTCOM POSTAGE", dice.within(2_000...20_000))
        case "S": description = "SAMPLES"
        case "D": (description, pence) = ("Discount", dice.within(300...30_000))
        case "AMAZONFEE": (description, pence) = ("AMAZON FEE", dice.within(1_000...1_700_000))
        case "BANK CHARGES": (description, pence) = ("Bank Charges", dice.within(500...20_000))
        default: break
        }
        return row(
            prefix: "C",
            code: service.code,
            description: description,
            quantity: -1,
            date: date,
            price: Mills(rawValue: Int64(pence) * 10),
            customer: customer
        )
    }

    private mutating func loss(_ date: InvoiceDate) -> InvoiceRow {
        let text = dice.chance(permille: 820) ? "" : dice.pick(["damages", "?", "damaged", "thrown away", "check"])
        return row(
            code: catalogue.one(&dice).code,
            description: text,
            quantity: -SampleShape.lostUnits.draw(&dice),
            date: date,
            price: .zero,
            customer: nil
        )
    }

    private mutating func found(_ date: InvoiceDate) -> InvoiceRow {
        let text = dice.chance(permille: 850) ? "" : dice.pick(["Found", "found", "amazon", "adjustment", "?"])
        return row(
            code: catalogue.one(&dice).code,
            description: text,
            quantity: SampleShape.foundUnits.draw(&dice),
            date: date,
            price: .zero,
            customer: nil
        )
    }
}
