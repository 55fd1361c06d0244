import MartletCore

/// Compares client observations, the provider's ledger, and the services' databases once the world is quiescent.
///
/// What one database shows is a query of `Simulations/Invariants`; these checks compare several sources.
struct InvariantChecker: Sendable {
    let acknowledged: [ClientObservations.AcknowledgedOrder]
    let snapshot: StateSnapshot
    let workload: Workload
    /// The longest time in which nothing ran.
    var longestOutage = Duration.zero

    /// All inconsistencies; empty for a sound world.
    var violations: [Violation] {
        orderChecks + priceChecks + cartChecks + rejectionChecks + concurrencyChecks + ghostChecks + moneyChecks
            + ledgerChecks + stockChecks
            + movementChecks + announcementChecks + messageChecks + accountChecks + snapshot.violations
    }

    private var orderChecks: [Violation] {
        var found: [Violation] = []
        for order in acknowledged {
            guard let known = snapshot.orders[order.orderID] else {
                found.append(Violation(.orderLost, "an acknowledged order is not stored", of: order.orderID))
                continue
            }
            if known.openReturns != 0 {
                found.append(Violation(.notConverged, "a return is not finished", of: order.orderID))
            }
            if known.total != order.totalMinorUnits {
                found.append(
                    Violation(
                        .moneyDrifts,
                        "acknowledged \(order.totalMinorUnits), stored \(known.total)",
                        of: order.orderID
                    )
                )
            }
            let promised = order.promisedRefunds.values.reduce(0, +)
            if order.cancelAccepted, known.status == "completed", known.refunded != known.captured {
                found.append(
                    Violation(.chargedTwice, "cancelled and paid, refunded \(known.refunded)", of: order.orderID)
                )
            }
            if known.refunded < promised {
                found.append(
                    Violation(
                        .moneyDrifts,
                        "promised to refund \(promised), refunded \(known.refunded)",
                        of: order.orderID
                    )
                )
            }
        }
        // Each customer places one order: two are a duplicate.
        if snapshot.orders.count > workload.scripts.count {
            found.append(
                Violation(.effectTwice, "\(snapshot.orders.count) orders of \(workload.scripts.count) customers")
            )
        }
        return found
    }

    private var ghostChecks: [Violation] {
        var found: [Violation] = []
        for payment in snapshot.providerPayments where snapshot.orders[payment.reference] == nil {
            found.append(Violation(.ghost, "a payment without an order", of: payment.reference))
        }
        for reservation in snapshot.reservations {
            guard let order = snapshot.orders[reservation.id] else {
                found.append(Violation(.ghost, "a reservation without an order", of: reservation.id))
                continue
            }
            switch reservation.status {
            case "confirmed" where order.status == "completed": break
            case "released", "expired":
                if order.status == "completed" {
                    found.append(
                        Violation(.oversold, "completed, and its stock is \(reservation.status)", of: order.id)
                    )
                }
            default:
                found.append(
                    Violation(.orphanReservation, "\(reservation.status) for a \(order.status) order", of: order.id)
                )
            }
        }
        return found
    }

    private var moneyChecks: [Violation] {
        var found: [Violation] = []
        let perOrder = Dictionary(grouping: snapshot.providerPayments, by: \.reference)
        for (id, order) in snapshot.orders.sorted(by: { $0.key < $1.key }) {
            let payments = perOrder[id] ?? []
            let captured = payments.reduce(0) { $0 + $1.captured }
            let refunded = payments.reduce(0) { $0 + $1.refunded }
            if captured != order.captured || refunded != order.refunded {
                found.append(
                    Violation(
                        .chargedTwice,
                        "the provider captured \(captured) and refunded \(refunded); "
                            + "the order has \(order.captured) and \(order.refunded)",
                        of: id
                    )
                )
            }
            if order.status == "completed", captured != order.total {
                found.append(Violation(.moneyDrifts, "captured \(captured) for an order of \(order.total)", of: id))
            }
            if order.status != "completed", captured != refunded {
                found.append(
                    Violation(.chargedTwice, "captured \(captured - refunded) for a \(order.status) order", of: id)
                )
            }
        }
        return found
    }

    private var stockChecks: [Violation] {
        var found: [Violation] = []
        var (sold, returned) = ([String: Int](), [String: Int]())
        let scripts = Dictionary(workload.scripts.map { (ExactText($0.customer), $0) }) { first, _ in first }
        for order in acknowledged where snapshot.orders[order.orderID]?.status == "completed" {
            for (sku, units) in order.goods {
                sold[sku, default: 0] += units
                // A cancel of a paid order returns everything.
                if order.cancelAccepted { returned[sku, default: 0] += units }
            }
            guard let sku = scripts[ExactText(order.customer)]?.lines.first?.sku else { continue }
            returned[sku, default: 0] += order.returnedUnits.values.reduce(0, +)
        }
        let stored = Set(snapshot.stock.map(\.sku))
        for sku in workload.openingStock.keys.sorted() where !stored.contains(sku) {
            found.append(Violation(.oversold, "\(sku): was received, and is not stored"))
        }
        for row in snapshot.stock {
            if row.corrected != 0 {
                found.append(Violation(.oversold, "\(row.sku): corrected by \(row.corrected) without a correction"))
            }
            if row.received != workload.openingStock[row.sku] ?? 0 {
                found.append(Violation(.effectTwice, "\(row.sku): received \(row.received) of one delivery"))
            }
            let due = (sold[row.sku] ?? 0, returned[row.sku] ?? 0)
            if (row.sold, row.returned) != due {
                found.append(
                    Violation(
                        .oversold,
                        "\(row.sku): \(row.sold) sold and \(row.returned) returned, orders have \(due.0) and \(due.1)"
                    )
                )
            }
        }
        return found
    }

    /// Where an event has its number; customers whose names look alike have carts of their own.
    private static func stream(_ entry: StateSnapshot.Entry) -> ExactText {
        "\(entry.source) \(entry.topic) \(entry.key)"
    }

    private var messageChecks: [Violation] {
        var found: [Violation] = []
        if snapshot.unsent > 0 {
            found.append(Violation(.notConverged, "\(snapshot.unsent) events were not published"))
        }
        if snapshot.parked > 0 { found.append(Violation(.notConverged, "\(snapshot.parked) events are parked")) }
        let audited = Dictionary(grouping: snapshot.audited, by: Self.stream)
        let published = Dictionary(grouping: snapshot.published, by: Self.stream)
        for (stream, entries) in published.sorted(by: { $0.key < $1.key }) {
            let seen = audited[stream] ?? []
            let key = entries[0].key
            if seen == entries { continue }
            if Set(seen).count < seen.count {
                found.append(
                    Violation(
                        .effectTwice,
                        "\(stream): \(entries.count) events took effect \(seen.count) times",
                        of: key
                    )
                )
            } else if seen.count < entries.count {
                found.append(
                    Violation(.messageLost, "\(stream): \(seen.count) of \(entries.count) events took effect", of: key)
                )
            } else {
                found.append(Violation(.orderOfKeyBroken, "\(stream): \(seen.map(\.sequence))", of: key))
            }
        }
        for (stream, entries) in audited.sorted(by: { $0.key < $1.key }) where published[stream] == nil {
            found.append(
                Violation(.ghost, "\(stream): \(entries.count) events that were not committed", of: entries[0].key)
            )
        }
        return found
    }
}
