/// Compares what clients were told, what the provider did, and what stands in the books, when all has come to rest.
struct Audit: Sendable {
    let told: [Witness.Told]
    let books: Books
    let market: Market
    /// How long nothing ran at once, at most.
    var absence = Duration.zero

    /// Everything that does not agree; empty for a sound world.
    var violations: [Violation] {
        orderChecks + worthChecks + rejectionChecks + rivalChecks + ghostChecks + moneyChecks + ledgerChecks
            + stockChecks
            + movementChecks + announcementChecks + messageChecks
            + historyChecks
    }

    private static let terminal: Set<String> = ["completed", "rejected", "cancelled"]

    private var orderChecks: [Violation] {
        var found: [Violation] = []
        for order in told {
            guard let known = books.orders[order.orderID] else {
                found.append(Violation(.orderLost, "an acknowledged order is not on file", order.orderID))
                continue
            }
            if !Self.terminal.contains(known.status) {
                found.append(Violation(.notConverged, "the order is still \(known.status)", order.orderID))
            }
            if known.openReturns != 0 {
                found.append(Violation(.notConverged, "a return is not finished", order.orderID))
            }
            if known.total != order.totalMinorUnits {
                found.append(
                    Violation(.moneyDrifts, "told \(order.totalMinorUnits), on file \(known.total)", order.orderID)
                )
            }
            let promised = order.returns.values.reduce(0, +)
            if order.cancelAccepted, known.status == "completed", known.refunded != known.captured {
                found.append(Violation(.chargedTwice, "cancelled and paid, refunded \(known.refunded)", order.orderID))
            }
            if known.refunded < promised {
                found.append(
                    Violation(.moneyDrifts, "promised to refund \(promised), did \(known.refunded)", order.orderID)
                )
            }
        }
        // One customer places one order: two on file are one too many.
        let perReference = Dictionary(grouping: books.orders.values.filter { !$0.reference.isEmpty }, by: \.reference)
        for (reference, orders) in perReference.sorted(by: { $0.key < $1.key }) where orders.count > 1 {
            found.append(Violation(.effectTwice, "\(orders.count) orders of \(reference)", orders[0].id))
        }
        if books.orders.count > market.errands.count {
            found.append(Violation(.effectTwice, "\(books.orders.count) orders of \(market.errands.count) customers"))
        }
        for run in books.runs {
            found.append(Violation(.notConverged, "run \(run.id) of \(run.service) is \(run.state): \(run.error)"))
        }
        return found
    }

    private var ghostChecks: [Violation] {
        var found: [Violation] = []
        for wallet in books.wallets where books.orders[wallet.reference] == nil {
            found.append(Violation(.ghost, "a payment without an order", wallet.reference))
        }
        for reservation in books.reservations {
            guard let order = books.orders[reservation.id] else {
                found.append(Violation(.ghost, "a reservation without an order", reservation.id))
                continue
            }
            switch reservation.status {
            case "confirmed" where order.status == "completed": break
            case "released", "expired":
                if order.status == "completed" {
                    found.append(Violation(.oversold, "completed, and its stock is \(reservation.status)", order.id))
                }
            default:
                found.append(
                    Violation(.orphanReservation, "\(reservation.status) for a \(order.status) order", order.id)
                )
            }
        }
        return found
    }

    private var moneyChecks: [Violation] {
        var found: [Violation] = []
        let perOrder = Dictionary(grouping: books.wallets, by: \.reference)
        for (id, order) in books.orders.sorted(by: { $0.key < $1.key }) {
            let wallets = perOrder[id] ?? []
            let captures = wallets.reduce(0) { $0 + $1.captures }
            if captures > 1 { found.append(Violation(.chargedTwice, "captured \(captures) times", id)) }
            if wallets.contains(where: { $0.status == "authorised" }) {
                found.append(
                    Violation(.orphanAuthorisation, "money is still set aside for a \(order.status) order", id)
                )
            }
            let captured = wallets.reduce(0) { $0 + $1.captured }
            let refunded = wallets.reduce(0) { $0 + $1.refunded }
            if captured != order.captured || refunded != order.refunded {
                found.append(
                    Violation(
                        .chargedTwice,
                        "the provider took \(captured) and gave \(refunded) back; the order says \(order.captured) and "
                            + "\(order.refunded)",
                        id
                    )
                )
            }
            if order.status == "completed", captured != order.total {
                found.append(Violation(.moneyDrifts, "took \(captured) for an order of \(order.total)", id))
            }
            if order.status != "completed", captured != refunded {
                found.append(Violation(.chargedTwice, "took \(captured - refunded) for a \(order.status) order", id))
            }
        }
        return found
    }

    private var stockChecks: [Violation] {
        var found: [Violation] = []
        var (sold, returned) = ([String: Int](), [String: Int]())
        let errands = Dictionary(market.errands.map { ($0.customer, $0) }) { first, _ in first }
        for order in told where books.orders[order.orderID]?.status == "completed" {
            for (sku, units) in order.goods {
                sold[sku, default: 0] += units
                // Who cancels what is paid brings everything back.
                if order.cancelAccepted { returned[sku, default: 0] += units }
            }
            guard let sku = errands[order.customer]?.wishes.first?.sku else { continue }
            returned[sku, default: 0] += order.broughtBack.values.reduce(0, +)
        }
        let onFile = Set(books.stock.map(\.sku))
        for sku in market.opening.keys.sorted() where !onFile.contains(sku) {
            found.append(Violation(.oversold, "\(sku): was received, and is not on file"))
        }
        for row in books.stock {
            if row.available < 0 || row.onHand < 0 {
                found.append(Violation(.oversold, "\(row.sku): \(row.available) available, \(row.onHand) on hand"))
            }
            if row.received + row.returned + row.corrected - row.sold != row.onHand {
                found.append(Violation(.oversold, "\(row.sku): the movements do not add up to \(row.onHand) on hand"))
            }
            if row.available != row.onHand {
                found.append(
                    Violation(.orphanReservation, "\(row.sku): \(row.onHand) on hand, \(row.available) available")
                )
            }
            if row.corrected != 0 {
                found.append(Violation(.oversold, "\(row.sku): corrected by \(row.corrected), and nobody did"))
            }
            if row.received != market.opening[row.sku] ?? 0 {
                found.append(Violation(.effectTwice, "\(row.sku): received \(row.received) of one delivery"))
            }
            let due = (sold[row.sku] ?? 0, returned[row.sku] ?? 0)
            if (row.sold, row.returned) != due {
                found.append(
                    Violation(
                        .oversold,
                        "\(row.sku): \(row.sold) sold and \(row.returned) returned, orders say \(due.0) and \(due.1)"
                    )
                )
            }
        }
        return found
    }

    private var messageChecks: [Violation] {
        var found: [Violation] = []
        if books.unsent > 0 { found.append(Violation(.notConverged, "\(books.unsent) events were not published")) }
        if books.parked > 0 { found.append(Violation(.notConverged, "\(books.parked) events are parked")) }
        let audited = Dictionary(grouping: books.audited) { "\($0.source) \($0.topic) \($0.key)" }
        let published = Dictionary(grouping: books.published) { "\($0.source) \($0.topic) \($0.key)" }
        for (line, entries) in published.sorted(by: { $0.key < $1.key }) {
            let seen = audited[line] ?? []
            let key = entries[0].key
            if seen == entries { continue }
            if Set(seen).count < seen.count {
                found.append(
                    Violation(.effectTwice, "\(line): \(entries.count) events took effect \(seen.count) times", key)
                )
            } else if seen.count < entries.count {
                found.append(
                    Violation(.messageLost, "\(line): \(seen.count) of \(entries.count) events took effect", key)
                )
            } else {
                found.append(Violation(.orderOfKeyBroken, "\(line): \(seen.map(\.sequence))", key))
            }
        }
        for (line, entries) in audited.sorted(by: { $0.key < $1.key }) where published[line] == nil {
            found.append(Violation(.ghost, "\(line): \(entries.count) events that nobody committed", entries[0].key))
        }
        return found
    }

    /// Each change of an order is one event, and the read model says what the events say.
    private var historyChecks: [Violation] {
        var found: [Violation] = []
        for (id, order) in books.orders.sorted(by: { $0.key < $1.key }) {
            let types = books.streams[id] ?? []
            let ends = types.filter { Self.terminal.contains($0) }
            let once = ["placed", "confirmed", "capture_requested", "captured"]
            if ends != [order.status] || once.contains(where: { name in types.filter { $0 == name }.count > 1 }) {
                found.append(Violation(.historyBroken, "\(order.status) after \(types.joined(separator: ", "))", id))
            }
        }
        for id in books.streams.keys.sorted() where books.orders[id] == nil {
            found.append(Violation(.historyBroken, "a stream that the read model does not know", id))
        }
        return found
    }
}
