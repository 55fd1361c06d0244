import Console
import MartletCore

/// The counts, times and checks of a replay.
struct ReplayReport: Sendable, Encodable {
    struct Percentile: Sendable, Encodable {
        let percentile: Double
        let milliseconds: Double
    }

    /// The origin of figures that were not computed independently.
    static let ownFigures = "martlet"

    let orders: Int
    /// Orders that were not in the shop before.
    let newOrders: Int
    let returns: Int
    let corrections: Int
    let creditNotes: Int
    let skipped: [String: Int]
    /// Why orders of the file were not completed, the most frequent first.
    let rejections: [OrderRejections]
    /// From the first request to the last response.
    let sendingSeconds: Double
    /// From the first request until the shop was quiescent.
    let totalSeconds: Double
    /// New orders per second over ``totalSeconds``.
    let ordersPerSecond: Double
    let acceptMilliseconds: [Percentile]
    /// The origin of the expected figures: the path of the script, or ``ownFigures``.
    let figuresOrigin: String
    let checks: [Reconciliation.Check]
    let remarks: [String]
    let holds: Bool

    init(
        counts: ReplayTally.Counts,
        newOrders: Int,
        figuresOrigin: String,
        sent: Duration,
        total: Duration,
        percentiles: [(percentile: Double, milliseconds: Double)],
        reconciliation: Reconciliation
    ) {
        orders = counts.orders
        self.newOrders = newOrders
        self.figuresOrigin = figuresOrigin
        returns = counts.returns
        corrections = counts.corrections
        creditNotes = counts.creditNotes
        skipped = counts.skipped
        rejections = reconciliation.rejections
        sendingSeconds = Double(sent.milliseconds) / 1_000
        totalSeconds = Double(total.milliseconds) / 1_000
        ordersPerSecond = totalSeconds > 0 ? Double(newOrders) / totalSeconds : 0
        acceptMilliseconds = percentiles.map { Percentile(percentile: $0.percentile, milliseconds: $0.milliseconds) }
        checks = reconciliation.checks
        remarks = reconciliation.remarks
        holds = reconciliation.holds
    }

    func write(to terminal: Terminal) {
        let counts = [
            Self.counted(orders, "order"), Self.counted(returns, "return"), Self.counted(corrections, "correction"),
            Self.counted(creditNotes, "credit note"),
        ]
        terminal.line(counts.joined(separator: ", "))
        for (reason, count) in skipped.sorted(by: { $0.key < $1.key }) { terminal.line("\(count) skipped: \(reason)") }
        let time = "\(totalSeconds) s in all (sent in \(sendingSeconds) s)"
        if newOrders == 0 {
            terminal.line("nothing changed: all orders were in the shop already; \(time)")
        } else {
            terminal.line("\(Int(ordersPerSecond)) orders/s to a terminal state, \(time)")
        }
        terminal.line(
            "accepted after "
                + acceptMilliseconds.map { "\($0.milliseconds) ms (p\(Self.short($0.percentile)))" }
                .joined(separator: ", ")
        )
        terminal.line("")
        terminal.line(
            figuresOrigin == Self.ownFigures
                ? "expected: computed from the file by this program itself, not independently"
                : "expected: computed from the file by \(figuresOrigin)"
        )
        var table = TextTable("reconciliation", "expected", "found", "")
        for check in checks {
            let result = check.holds ? TextTable.Cell("equal", .green) : TextTable.Cell("DIFFERENT", .red)
            table.add(.init(check.what), .init(check.expected), .init(check.found), result)
        }
        table.write(to: terminal)
        if !rejections.isEmpty {
            terminal.line("")
            var table = TextTable("rejected by", "reason", "orders")
            for row in rejections { table.add(.init(row.by), .init(row.reason), .init("\(row.orders)")) }
            table.write(to: terminal)
            terminal.line("")
        }
        for remark in remarks { terminal.line(remark) }
        terminal.line(holds ? "no difference" : "DIFFERENCES FOUND")
    }

    /// As in "1 return" and "2 returns".
    static func counted(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

    private static func short(_ number: Double) -> String {
        number == number.rounded() ? String(Int(number)) : String(number)
    }
}
